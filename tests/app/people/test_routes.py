import re


def test_home_leads_a_stranger_to_the_sign_in_form(browse):
    assert browse.client.get("/").headers["location"] == "/sign-in"
    assert browse.client.get("/people").headers["location"] == "/sign-in?next=/people"


def test_a_wrong_password_is_refused_and_does_not_tell_whether_the_account_exists(browse):
    browse.factory.person(email="ana@example.org")
    browse.get("/sign-in")
    known = browse.post("/sign-in", {"email": "ana@example.org", "password": "wrong"}, status=403).text
    unknown = browse.post("/sign-in", {"email": "bob@example.org", "password": "wrong"}, status=403).text
    strip = lambda html: re.sub(r"(ana|bob)@example.org", "", html)
    assert strip(known) == strip(unknown)


def test_a_form_without_the_token_is_refused(browse):
    browse.as_("admin")
    browse.token = "made up"
    browse.post("/people", {"email": "eve@example.org", "role": "admin"}, status=403)


def test_an_admin_adds_a_person_who_must_replace_the_one_time_password(browse):
    browse.as_("admin")
    page = browse.post("/people", {"email": "New@Example.org", "name": "New", "role": "labeler"}, status=200).text
    password = re.search(r"<code>([a-z0-9-]{19})</code>", page)[1]
    browse.client.cookies.clear()
    browse.get("/sign-in")
    answer = browse.post("/sign-in", {"email": "new@example.org", "password": password})
    assert answer.headers["location"] == "/account/password"
    assert browse.client.get("/people").headers["location"] == "/account/password"
    browse.get("/account/password")
    browse.post("/account/password", {"password": "short", "again": "short"}, status=422)
    browse.post("/account/password", {"password": "green paper boats", "again": "green paper boats"})
    browse.client.cookies.clear()
    browse.get("/sign-in")
    browse.post("/sign-in", {"email": "new@example.org", "password": password}, status=403)
    browse.post("/sign-in", {"email": "new@example.org", "password": "green paper boats"})


def test_a_labeler_sees_neither_people_nor_audit(browse):
    browse.as_("labeler")
    browse.get("/people", status=403)
    browse.get("/audit", status=403)


def test_switching_a_person_off_ends_their_session_at_once(browse):
    browse.as_("labeler", "ana@example.org")
    ana = dict(browse.client.cookies)
    browse.as_("admin")
    page = browse.get("/people")
    person_id = re.search(r"ana@example.org.*?/people/(\d+)/active", page, re.DOTALL)[1]
    browse.post(f"/people/{person_id}/active", {"active": "false"})
    browse.client.cookies.clear()
    browse.client.cookies.update(ana)
    assert browse.client.get("/account/password").headers["location"].startswith("/sign-in")


def test_the_last_admin_cannot_be_switched_off(browse):
    browse.as_("admin")
    person_id = re.search(r"/people/(\d+)/active", browse.get("/people"))[1]
    browse.post(f"/people/{person_id}/active", {"active": "false"}, status=409)


def test_a_sign_in_link_never_leads_to_another_site(browse):
    browse.factory.person(email="ana@example.org")
    browse.get("/sign-in?next=//evil.example")
    answer = browse.post(
        "/sign-in", {"email": "ana@example.org", "password": "three quiet lanterns", "next": "https://evil.example"}
    )
    assert answer.headers["location"] == "/"


def test_every_answer_carries_the_policy_and_pages_are_not_cached(browse):
    answer = browse.client.get("/sign-in")
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_what_admins_do_is_in_the_audit_trail(browse):
    browse.as_("admin")
    browse.post("/people", {"email": "new@example.org", "role": "labeler"}, status=200)
    assert "added person" in browse.get("/audit")
