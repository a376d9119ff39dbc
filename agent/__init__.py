"""The program on a measured host: it carries out one order, observes, and leaves the record.

``python -m agent ORDER.json`` (`__main__`) detaches and calls the module of the order's kind.

orders, answers     what the orchestrator asks, and what the agent leaves and prints
loads               the loads of orders

The kinds of work:

trial               measure one subject under one load
observe, channel    one host's part in a trial that another host drives, and the agents' connection
floor               drive the endpoint that does no work
check               examine a service outside of all windows: check, diagnose
command             run a program to its end
database            keep a database server running

Their parts:

service             start a service, or reach one on another host
generator           the commands of a load generator
server              counters, connections, log and faults of the database server
databases/          how each kind of server is made, started and stopped
sampling            CPU time, memory and affinity of the processes of a trial
counters            what the kernel counts around a window
processes           start, watch and end processes that cannot outlive the agent
heartbeat, failure, files
                    whether the orchestrator still waits, why an order failed, whole files

Before a run:

ports, reach        TCP ports of a run; whether a database server can run in a folder
owner               names and addresses that no record may contain
interpreters        find a CPython of a version
stacks/             make the environment of a stack
"""
