"""Records on their way through the steps of a pipeline."""

import logging
import pprint

log = logging.getLogger(__name__)


def run_steps(records, steps):
    """Each record after all steps; a step that gives None drops it."""
    done = []
    for number, record in enumerate(records):
        log.debug(f"record {number}:\n{pprint.pformat(record, width=60)}")
        for step in steps:
            record = step(record)
            if record is None:
                break
        else:
            done.append(record)
    return done
