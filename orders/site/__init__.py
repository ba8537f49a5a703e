"""The pages of customers, restaurants and couriers: each is a function of a machine's state and data.

A button is an event that the machine would take now (`acts`); what is said of a state stands in one table (`texts`).
"""
