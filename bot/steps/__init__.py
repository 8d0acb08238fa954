"""The steps of a review, in order: find, observe, suspect, prove, propose, verify. None imports another."""
