"""Accounts, roles, sessions and the audit trail."""
