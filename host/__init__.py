"""What every other package stands on: standard library only, shipped to hosts, imports no other.

environment   the variables of every program that the lab starts
mirror        where packages come from, as uv's configuration files say
"""
