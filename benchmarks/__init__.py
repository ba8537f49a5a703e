"""What it costs, measured against what one would write by hand. Not part of the package."""
