"""Beyond the wall: these files run inside containers, with whatever Python the repository needs (3.8 at least).

Standard library only (`runner` and `serve` also use the repository's own pytest). Nothing in `bot` imports
them: the host sends them as files, as a package named `tryline_inside`.

    agent        PID 1, root: takes jobs on stdin, starts everything else as an unprivileged user
    runner       one pytest process: runs a suite, or collects it and serves candidates by forking
    plugin       what pytest is told: results as a stream of events, tests' own time limit
    serve        the fork server: one child per candidate
    instrument   probes in the watched functions: lines, steps, calls, values
    recorder     what the probes call, and how values become text and digests
    swap         a candidate's code put into the live function objects
    inputs       arguments derived from recorded ones
    calls        single calls of the function, and what came of each
    express      values as Python source
    timing       times of versions, taken in turns
    reviving     what stands in a pickle for open databases and for files
    scaling      arguments grown to a multiple of their size
"""
