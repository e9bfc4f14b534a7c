"""From the numbers of a manifest to the pictures and tables of a run's page; pure.

Every picture is made of the same rows as the table in which it stands. A number that is not known
stays None all the way and is written as a dash.
"""
