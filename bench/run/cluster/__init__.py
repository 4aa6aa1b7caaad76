"""A run on several machines: Dask carries cells to workers, and rows back. Only the client writes results.

client                          scheduler        worker
Cluster, Team: gives cells out ---- Dask ------> Station: measures them, one at a time
"""
