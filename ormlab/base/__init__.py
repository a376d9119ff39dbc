"""What every other part of the lab stands on: the checkout, errors, files that people write.

checkout      where things lie in the checkout
errors        every way the lab can refuse or fail, as one tree
yaml_input    YAML that people write, read into strict types
source        what the commit vouches for of the code that measures
scratch       folders that end with the process
stopping      Ctrl-C as a request that the code checks where stopping is safe
changes       what differs between two documents
"""
