import pytest

from tests.web.making import make_heard
from tests.web.servers import Server, until


@pytest.fixture(scope="session")
def library_database(tmp_path_factory):
    """A library of the examples, heard; not to be changed."""
    return make_heard(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def server(tmp_path_factory, library_database):
    """A server with that library and one worker; not to be stopped."""
    made = Server(tmp_path_factory.mktemp("server"), workers=1, database=str(library_database))
    yield made
    until(lambda: "\nsideman_temporary_bytes 0\n" in made.client.get("/metrics").text)
    assert made.close() == 0
    assert "Traceback" not in made.errors()


@pytest.fixture
def own_server(tmp_path):
    """Makes servers with settings of one's own."""
    made = []

    def make(**settings):
        made.append(Server(tmp_path / str(len(made)), **{"workers": 1, **settings}))
        return made[-1]

    yield make
    for one in made:
        one.close()
