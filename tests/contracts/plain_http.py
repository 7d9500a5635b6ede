"""httpx for services on this machine: without TLS, whose certificates it would read per client.

That takes 20 ms of a core, ten times what a service needs for the answer. And patient: of itself
httpx waits five seconds for a part of an answer, and a busy machine may take them.
"""

from functools import partial

import httpx

get = partial(httpx.get, verify=False, timeout=60)
post = partial(httpx.post, verify=False, timeout=60)
Client = partial(httpx.Client, verify=False, timeout=60)
