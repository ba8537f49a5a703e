"""What chaos has inside the processes that it kills: fault points, deliberate breakages, the ledger, a machine."""
