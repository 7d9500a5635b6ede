"""httpx for services on this machine: without TLS, whose certificates it would read per client.

That takes 20 ms of a core, ten times what a service needs for the answer.
"""

from functools import partial

import httpx

get = partial(httpx.get, verify=False)
post = partial(httpx.post, verify=False)
Client = partial(httpx.Client, verify=False)
