"""What every other package stands on: standard library only, shipped to hosts, imports no other.

environment   the variables of every program that the lab starts
"""
