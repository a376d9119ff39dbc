"""Runs: ``ormlab run``, ``resume``, ``rerun`` and ``doctor``.

    stages       a run from its plan to the sealed bundle: the stages below in their order
    hosts        where it is measured, and which loads can be driven there
    preparation  everything before the first trial: deploy, start, seed, check, diagnose
    subjects     which subjects can be measured, by what the bundle holds of them
    measurement  which trial is due next; each carried out, kept, judged by the gates, closed
    sealing      the record of all that, the seal, and the judgement
    progress     what a run reports while it goes on

    resume       a run whose process was ended, from its last closed trial
    rerun        the plan and inputs of a sealed bundle once more
    recorded     the inputs of such a run: plan and stacks as its bundle has them
    doctor       whether hosts can measure, and how finely

    measure/     the work on the hosts that the stages are made of

Nothing that decides how a run goes on is kept in memory alone: what a run has done is read from
its folder, so that `ormlab resume` can continue one whose process was ended.
"""
