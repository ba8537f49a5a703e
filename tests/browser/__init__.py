"""The operator's admin in a real browser, on a real server: what somebody sees, clicks and types."""
