from app.demo import seed
from app.models import Campaign, Demonstration, Person, Run, Task
from app.people import service as people


def test_an_empty_database_becomes_a_place_to_work_in_and_a_filled_one_stays(database, settings):
    passwords = seed.seed(settings, database, 1)
    assert set(passwords) == {f"{role}@demo.example" for role, _ in seed.PEOPLE}
    with database.transaction() as session:
        assert session.query(Demonstration).count() == seed.DEMONSTRATIONS
        open_work = {c.name: c for c in session.query(Campaign).filter_by(status="open")}
        assert sorted(c.kind for c in open_work.values()) == ["demonstration", "ranking"]
        assert session.query(Task).filter_by(campaign_id=open_work["Write an answer"].id).count() == seed.TO_WRITE
        assert session.query(Run).one().stage == "pretrain"
        lena = session.query(Person).filter_by(email="labeler@demo.example").one()
        people.choose_password(session, lena.id, "green paper boats", "green paper boats")
    again = seed.seed(settings, database, 1)
    assert set(again) == set(passwords) - {"labeler@demo.example"}
    assert all(again[email] != passwords[email] for email in again)
    with database.reading() as session:
        assert session.query(Demonstration).count() == seed.DEMONSTRATIONS
