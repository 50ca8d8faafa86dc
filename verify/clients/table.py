"""What the calls have in common: who signs in, and one line of JSON for each call."""
import json
import os
import re
from urllib.parse import parse_qs, urlsplit

import requests

CLIENT = os.environ['VERIFY_CLIENT_ID']
CLIENT_SECRET = os.environ['VERIFY_CLIENT_SECRET']
REDIRECT = os.environ['VERIFY_REDIRECT']
ACCOUNT = {'google': 'ada@example.com', 'personal': 'ada@outlook.com', 'work': 'ada@contoso.com'}


def consent(url, account):
    """What a person does on the consent page; the code that the provider sends back."""
    answer = requests.post(url, data={'decision': 'approve', 'account': account}, allow_redirects=False, timeout=30)
    return parse_qs(urlsplit(answer.headers['location']).query)['code'][0]


class Table:
    def of(self, client):
        def call(name, do):
            value, outcome, detail = None, 'ok', ''
            try:
                value = do()
            except Exception as error:  # whatever a client throws is its word on the answer
                detail = re.sub(r'\s+', ' ', str(error))[:300]
                text = detail + ' ' + re.sub(r'\s+', ' ', repr(error)) + repr(getattr(error, 'content', ''))
                outcome = 'not simulated' if re.search(r'not ?simulated|status 501', text, re.I) else 'fails'
                detail = f'{type(error).__name__}: {detail}'
            print(json.dumps({'call': f'{client}: {name}', 'outcome': outcome, 'detail': detail}), flush=True)
            return value
        return call
