"""The sealed record of a run: its documents as types, and how it is written, sealed and checked.

    documents  what the files of a bundle say: one type a document, one docstring a key
    write      BundleWriter                    a run's files, trial by trial, then the seal
    unsealed   UnsealedRun                     an interrupted run, taken up again
    read       Bundle                          its record and its trials
    typed      read, read_plan                 its documents as their types
    verify     verify, require                 what still holds, and every problem
    derived    write_derived                   what was computed from a sealed bundle
    pack, unpack                               one file, and back
    index, anchor                              the hash-chained list of seals, and who vouches

The package imports nothing else of the project: a bundle can be read and verified with it alone.
docs/bundle-format.md describes the format for a stranger.
"""
