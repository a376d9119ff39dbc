"""What every other package stands on: standard library only, shipped to hosts, imports no other.

environment   the variables of every program that the lab starts
mirror        where packages come from, as uv's configuration files say
levels        profiles and tiers
cpus          CPU numbers as the kernel writes them
cgroups       the control groups of this process, and the CPUs that they allow
topology      the cores of a host: threads, caches, memory nodes, kinds
placement     which CPUs serve which purpose
kernel        the one seam to a host, which a folder can simulate
items         the registry of whatever is read, judged, counted or set on a host
item, expectation, knob
              what an entry of it says
moment        counters at one instant; two of them make a share
spinning      what is taken from a CPU that spins
settling      record, tune, verify and restore what roles set
identity      which machine a host is, and the reasons not to tune it

Ansible ships these modules to a host under another package's name: imports are relative.
"""
