"""A fleet: several runs of one plan, each whole on a host of its own, combined.

    documents  the files of a fleet's folder, as types
    slurm      Slurm's commands: submit an array, ask for its tasks, cancel it
    launch     from a plan to a submitted array
    task       what one array task does: carry out its run, deliver the bundle
    outcomes   what became of each run, one sentence each
    watch      wait for all of them, with news
    combined   the delivered bundles, judged together

A run is never divided: all of its blocks are measured on one node. A node shares one folder with
the others, the fleet's. It writes whole files there and renames them, and takes no lock, which a
network's file system may not have. The run itself is measured on the node's own disk.
"""
