import pytest

from app.models.base import utc_now
from app.people import tokens


@pytest.fixture
def token_of(factory, database):
    """Makes a person of a role and gives the secret of a token of theirs."""

    def make(role="engineer", email=None):
        person = factory.person(email, role=role)
        with database.transaction() as session:
            return tokens.make_token(session, person, name="for tests", days=7, now=utc_now())[1]

    return make


class Caller:
    """A program with a token: ``get`` and ``post`` return the status and what the JSON says."""

    def __init__(self, client, secret):
        self.client = client
        self.headers = {"Authorization": f"Bearer {secret}"}

    def get(self, address):
        answer = self.client.get(f"/api/v1{address}", headers=self.headers)
        return answer.status_code, answer.json()

    def post(self, address, body, **more):
        sent = {"json": body} if not isinstance(body, bytes) else {"content": body}
        headers = {**self.headers, "Content-Type": "application/json"}
        answer = self.client.post(f"/api/v1{address}", headers=headers, **sent, **more)
        return answer.status_code, answer.json()


@pytest.fixture
def call(app_client, token_of):
    return Caller(app_client, token_of())


@pytest.fixture
def call_as(app_client, token_of):
    return lambda role: Caller(app_client, token_of(role))
