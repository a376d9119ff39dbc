"""The sealed record of a run: its documents as types, and how it is written, sealed and checked.

What a bundle is:
    documents    the files of a bundle as types: plan, readings, results, verdicts, ...
    format       the records that hold it together: bundle.json, SEAL.json, trial.json, ...
    codec        how records are read and written as JSON; values, names, schemas beside it
Writing and sealing:
    write        BundleWriter: a run's files, trial by trial, then the seal
    unsealed     UnsealedRun: an interrupted run that is resumed; instants orders its times
    seal         the record, the manifest and the digests of both; storage survives a crash
    derived      write_derived: what was computed from a sealed bundle
    index        the hash-chained list of seals in one folder
Reading what a stranger may have made:
    read         Bundle: its record and its trials
    typed        its documents as their types; outside, tree, tables, strict_yaml and strict_toml
                 bound what reading may cost
    display      untrusted text for a terminal
Verifying:
    verify       L0 and L1: the seal and the digests; verify_bundle.py is a second opinion
    coherence, fits, contents, credentials
                 parts of L2: do the files agree, fit their types, and hold no secret?
    codes        every code that a verification can report; findings collects them
Packing:
    pack, unpack one file and back; ustar and zframe are its two layers

Beside `host.levels` and `host.expectation` the package imports nothing of the project: a bundle can
be read and verified with it alone. docs/bundle-format.md describes the format for a stranger.
"""
