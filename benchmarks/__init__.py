"""What the operator takes, in one run on one control plane (etcd and API server only): `make bench`.

Every ratio compares with a bare client on the same server in the same run, so that the machine's speed cancels out.
"""
