"""Order calls by what they touch, and cap how many run."""
