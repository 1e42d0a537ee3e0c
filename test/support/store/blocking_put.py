"""PUTs by a client that sends the whole body before it reads: http.client, on which urllib3 and requests stand."""

import http.client
import json
import re
import ssl
import sys

call = json.loads(sys.argv[1])
context = ssl.create_default_context(cafile=call["ca"])
body = b"x" * call["bytes"]
answers = []
for _ in range(call["count"]):
    connection = http.client.HTTPSConnection("localhost", call["port"], context=context, timeout=60)
    try:
        connection.request("PUT", call["path"], body=body, headers=call["headers"])
        response = connection.getresponse()
        code = re.search(rb"<Code>([^<]*)</Code>", response.read())
        answers.append(f"{response.status} {code.group(1).decode() if code else ''}")
    except OSError as error:
        answers.append(repr(error))
    finally:
        connection.close()
print(json.dumps(answers))
