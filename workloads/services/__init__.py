"""The service of the contract: two web frameworks to choose from, and one repository per ORM."""
