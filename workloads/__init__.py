"""What is measured: contract, dataset, services, stacks, load and plans."""
