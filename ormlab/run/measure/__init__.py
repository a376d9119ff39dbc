"""The work of a run on its hosts, and the files that it leaves.

site        the hosts of a run, claimed and set up; each is a station
claim       the lab's folder on a host: held for one run, cleared of earlier ones
deployment  the code and the agent's environment there, and questions to them
wheels      packages for a host without network
ports       the TCP ports of the run on a host
station     one host: its roles, facts, ports, readings
dispatch    orders to the agent of a host: placed, awaited, stopped

session     the run at work: contract, diagnosis, floors, trials
making      request tables, environments and rows that it needs first
database    its database server
orders      what an order says, from plan and host
conducting  an order whose parts run on several hosts
apart       one trial out of what these hosts observed

keep        the files of a trial, from the raw files of the agent
record      all other files of the bundle
redaction   what is masked in them
"""
