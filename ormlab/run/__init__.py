"""``ormlab run``: resolve, deploy, check, measure, seal, judge.

    start        a run from its plan to the sealed bundle
    hosts        where it is measured, and which loads can be driven there
    preparation  all that happens before the first trial
    subjects     which subjects can be measured, by what the bundle holds of them
    course       which trial is due next, by what has ended
    measurement  one trial after the other: carried out, kept, held against the gates
    sealing      the record of all that, the seal, and the judgement
    inputs       those of a run that was recorded, resolved again
    recovery     whether a host is still what it was
    stages       these in their order, and what becomes of a run that is cut short

Nothing that decides how a run goes on is kept in memory alone: what a run has done is read from
its folder, so that `ormlab resume` continues one whose process was ended.
"""
