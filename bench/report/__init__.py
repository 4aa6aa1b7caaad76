"""Tables and plots of comparisons."""
