"""Files by address, list, index, bucket and observation: each comes once; what is listed and not there is said."""

from __future__ import annotations

import pytest

from astrobio.archives.asking import Entries, ListedFiles, MastProducts, PublicObjects, StaticFile, StaticFiles
from astrobio.store import RealDataStorage
from tests.fetch.made import fetch_one, held, left_over, made_source, names, product, register, said
from tests.fetch.services import Bucket, EntryService, MastService, whole
from tests.loopback.behaviours import Challenge, Forever, NoValidators, Page, Status

ENTRIES = {f"ko{number:05d}": f"ENTRY {number}\n".encode() for number in range(70)}
SPECTRA = {f"jw01366-o00{number}_t001_x1d.fits": f"ENTRY {number}\n".encode() for number in range(9)}


# -- files at fixed addresses ---------------------------------------------------------------------------------------
@pytest.fixture
def static(services):
    """Three files at fixed addresses."""
    files = []
    for number in range(3):
        services.put(f"{number}.txt", ENTRIES[f"ko{number:05d}"])
        files.append(StaticFile(services.url(f"{number}.txt"), f"{number}.txt", signatures=(b"ENTRY",)))
    register(made_source(product("files", StaticFiles(tuple(files)))))
    return services


def test_files_come_once(static, store):
    report = fetch_one(store)
    assert report.complete, said(report)
    assert (report.admitted, report.counts) == (3, {"things": 3})
    assert fetch_one(store).requests == 0
    assert left_over(store) == []


def test_an_update_asks_on_condition(static, store):
    fetch_one(store)
    static.put("1.txt", b"ENTRY of another release\n")
    report = fetch_one(store, update=True)
    assert {request.path: request.status for request in static.requests[3:]} == {
        "0.txt": 304, "1.txt": 200, "2.txt": 304}  # fmt: skip
    assert report.admitted == 1
    assert report.changes[0].examples == ["changed: 1.txt"]
    assert names(store) == ["files/0.txt", "files/1.txt", "files/1.txt", "files/2.txt"]
    assert report.counts == {"things": 3}


def test_an_update_without_validators_compares_the_bytes(static, store):
    for number in range(3):
        static.behave(f"{number}.txt", Forever(NoValidators()))
    fetch_one(store)
    report = fetch_one(store, update=True)
    assert (report.admitted, report.already, report.changes) == (0, 3, [])
    assert [request.status for request in static.requests[3:]] == [200, 200, 200]


def test_a_release_that_comes_back_is_the_newest_again(static, store):
    fetch_one(store)
    first = (static.folder / "1.txt").read_bytes()
    static.put("1.txt", b"ENTRY of another release\n")
    fetch_one(store, update=True)
    static.put("1.txt", first)
    report = fetch_one(store, update=True)
    assert (report.admitted, report.already) == (0, 1)
    assert report.changes[0].changed == 1
    assert fetch_one(store, update=True).changes == []


def test_one_file_that_is_not_there_holds_up_no_other(static, store):
    static.behave("0.txt", Forever(Status(404)))
    static.behave("1.txt", Forever(Status(404)))
    report = fetch_one(store)
    assert report.admitted == 1
    assert "404" in said(report)
    assert "and 1 more files" in said(report)
    assert report.exit_code == 5
    static.behave("0.txt")
    static.behave("1.txt")
    assert fetch_one(store).admitted == 2
    assert len(static.seen("2.txt")) == 1


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(Page("text/plain", b""), "empty"), (Page("text/plain"), "HTML"), (Page("text/plain", b"{}"), "begins")],
    ids=repr,
)
def test_what_is_no_file_is_refused(static, store, behaviour, reason):
    static.behave("1.txt", behaviour)
    report = fetch_one(store)
    assert reason in said(report)
    assert (report.exit_code, report.admitted) == (4, 2)
    assert fetch_one(store).admitted == 1


def test_a_release_that_never_changes_is_pinned(services, store):
    from astrobio.core.hashing import sha256_bytes

    services.put("release.txt", b"ENTRY 1\n")
    digest = sha256_bytes(b"ENTRY 1\n")
    for sha256, assurance in ((digest, ["pinned"]), ("0" * 64, [])):
        ask = StaticFile(services.url("release.txt"), "release.txt", sha256=sha256)
        register(made_source(product("release", ask), name=f"made{sha256[:1]}"))
        fetch_one(store, f"made{sha256[:1]}")
        records = RealDataStorage(store).records(source=f"made{sha256[:1]}")
        assert [record.assurance for record in records] == assurance


# -- entries --------------------------------------------------------------------------------------------------------
@pytest.fixture
def entries(services) -> EntryService:
    """70 entries, which a list names."""
    service = EntryService("kegg", dict(ENTRIES))
    services.serve("kegg", service)
    ask = Entries(services.url("kegg/list/pathway"), r"(?m)^(ko\d+)", services.url("kegg/get/") + "{id}/kgml",
                  "{id}.kgml")  # fmt: skip
    register(made_source(product("pathways", ask, least=70)))
    return service


def test_all_entries_of_the_list_come_one_a_request(entries, services, store):
    report = fetch_one(store)
    assert report.complete, said(report)
    assert report.counts == {"things": 70}
    assert len(services.requests) == 71
    assert {request.path for request in services.requests[1:]} == {f"kegg/get/{name}/kgml" for name in ENTRIES}
    assert fetch_one(store).requests == 0


def test_entries_that_are_dropped_are_named(entries, services, store):
    entries.absent = frozenset({"ko00003", "ko00040"})
    report = fetch_one(store)
    assert report.admitted == 68
    assert "ko00003/kgml" in said(report)
    assert "and 1 more files" in said(report)
    entries.absent = frozenset()
    before = len(services.requests)
    report = fetch_one(store)
    assert (report.admitted, report.complete) == (2, True)
    assert sorted(request.path for request in services.requests[before + 1 :]) == [
        "kegg/get/ko00003/kgml", "kegg/get/ko00040/kgml"]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error": "too many requests"}', "begin with ENTRY|no error message"),
        (b"<html><title>Busy</title></html>", "HTML"),
        (b"\n", "begin with ENTRY"),
    ],
    ids=repr,
)
def test_an_entry_that_is_another_thing_is_refused_alone(entries, store, body, reason):
    entries.instead = {"ko00007": body}
    report = fetch_one(store)
    assert any(word in said(report) for word in reason.split("|")), said(report)
    assert report.exit_code == 4
    assert (report.admitted, len(held(store))) == (69, 69)
    entries.instead = {}
    assert fetch_one(store).complete


def test_of_two_entries_with_the_same_bytes_neither_is_admitted(entries, store):
    entries.instead = {"ko00007": ENTRIES["ko00008"]}
    report = fetch_one(store)
    assert [key.partition("#")[0] for key, _ in report.refused] == ["pathways/ko00007.kgml", "pathways/ko00008.kgml"]
    assert said(report).count("one key a content") == 2
    entries.instead = {}
    assert fetch_one(store).complete
    assert len(held(store)) == 70


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"nothing of that kind\n", "names nothing of the form"),
        (b"".join(b"ko%05d\n" % number for number in range(20_000)), "at most 10000 are expected"),
        (b"\xff\xfe", "no text in UTF-8"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_list_that_is_none_is_refused(entries, store, body, reason):
    entries.instead = {"list": body}
    report = fetch_one(store)
    assert reason in said(report)
    assert (report.exit_code, held(store)) == (4, [])


def test_a_host_that_answers_nothing_more_is_left_alone(entries, services, store):
    for name in ENTRIES:
        services.behave(f"kegg/get/{name}/kgml", Forever(Status(503)))
    report = fetch_one(store)
    assert report.exit_code == 5
    assert len(services.requests) == 1 + 2 * 32  # the first group, twice each, and none of the others


def test_a_challenge_ends_the_asking(entries, services, store):
    for name in list(ENTRIES)[40:]:
        services.behave(f"kegg/get/{name}/kgml", Forever(Challenge(403)))
    report = fetch_one(store)
    assert report.failures[0].by_hand.startswith("In a browser go to https://example.org, save made pathways")
    assert (report.exit_code, len(held(store))) == (4, 40)


def test_an_entry_that_the_list_names_no_more_is_counted_no_more(entries, store):
    fetch_one(store)
    del entries.entries["ko00069"]
    entries.entries["ko00100"] = b"ENTRY 100\n"
    report = fetch_one(store, update=True)
    assert report.changes[0].examples == ["added: ko00100.kgml", "removed: ko00069.kgml"]
    assert report.counts == {"things": 70}
    assert len(held(store)) == 71
    assert fetch_one(store).counts == {"things": 70}


# -- indexes --------------------------------------------------------------------------------------------------------
INDEX = '<html><a href="a%20b.txt">a</a> <a href="../data/c.txt?x=1&amp;y=2">c</a> <a href="a%20b.txt">again</a></html>'


@pytest.fixture
def index(services):
    services.put("data/a b.txt", b"ENTRY a\n")
    services.put("data/c.txt", b"ENTRY c\n")
    services.put("data/index.html", INDEX.encode())
    ask = ListedFiles(services.url("data/index.html"), r'href="([^"]*\.txt[^"]*)"', most=5)
    register(made_source(product("files", ask)))
    return services


def test_an_index_page_leads_to_its_files(index, store):
    report = fetch_one(store)
    assert report.complete, said(report)
    assert names(store) == ["files/a b.txt", "files/c.txt"]
    assert index.seen("data/c.txt")[0].query == "x=1&y=2"
    assert fetch_one(store).requests == 0


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("<html>Just a moment</html>", "names nothing of the form"),
        ('<a href="ftp://127.0.0.1/a.txt">', "of another kind than itself"),
        ('<a href="http://[::1/a.txt">', "which is no address"),
        ('<a href="a.txt"> <a href="b/a.txt">', "names two files a.txt"),
        ("".join(f'<a href="{number}.txt">' for number in range(6)), "at most 5 are expected"),
        ('<a href="..%2F..%2Fetc%2Fpasswd.txt">', "is no name of a file"),
        ('<a href=".hidden.txt">', "is no name of a file"),
        (f'<a href="{"x" * 400}.txt">', "is no name of a file"),
    ],
    ids=lambda value: value[:30],
)
def test_an_index_that_names_what_it_must_not_is_refused(index, store, page, reason):
    index.put("data/index.html", page.encode())
    report = fetch_one(store)
    assert reason in said(report)
    assert (report.exit_code, held(store)) == (4, [])


# -- public buckets -------------------------------------------------------------------------------------------------
@pytest.fixture
def bucket(services) -> Bucket:
    found = {f"jwst/public/jw01366/{name}": content for name, content in SPECTRA.items()}
    found["jwst/public/jw01366/preview.jpg"] = b"no spectrum"
    bucket = Bucket("stpubdata", found | {"hst/public/other_x1d.fits": b"ENTRY other\n"})
    services.serve("stpubdata", bucket)
    ask = PublicObjects(services.url("stpubdata"), "jwst/public/jw01366/", r".*_x1d\.fits", most=9)
    register(made_source(product("x1d", ask)))
    return bucket


def test_objects_of_a_bucket_come_page_by_page(bucket, services, store):
    report = fetch_one(store)
    assert report.complete, said(report)
    assert names(store) == [f"x1d/{name}" for name in SPECTRA]
    assert len([request for request in services.requests if "list-type=2" in request.query]) == 3
    assert fetch_one(store).requests == 0


@pytest.mark.parametrize(
    ("how", "reason", "code"),
    [
        ({"miscount": 1}, "says that it has 5 keys, and has 4", 1),
        ({"loops": True}, "goes in a circle", 1),
        ({"sizes": {f"jwst/public/jw01366/{next(iter(SPECTRA))}": 9}}, "9", 4),
    ],
    ids=str,
)
def test_a_bucket_that_lies_is_found_out(bucket, store, how, reason, code):
    for name, value in how.items():
        setattr(bucket, name, value)
    report = fetch_one(store)
    assert reason in said(report)
    assert report.exit_code == code
    assert len(held(store)) == (8 if code == 4 else 0)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<Error><Code>AccessDenied</Code></Error>", "a document 'Error', not 'ListBucketResult'"),
        (b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "does not say how it goes on"),
        (b"<ListBucketResult/>", "does not say how it goes on"),
        (b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>", "has no object below"),
        (b"<ListBucketResult><Contents><Key>/etc/passwd</Key><Size>1</Size></Contents></ListBucketResult>", "names"),
        (b"<ListBucketResult><Contents><Key>jwst/public/jw01366/a_x1d.fits</Key><Size>-1</Size></Contents>"
         b"</ListBucketResult>", "of size '-1'"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><ListBucketResult/>', "declares a document type"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_a_list_of_objects_that_is_none_is_refused(bucket, services, store, body, reason):
    services.serve("stpubdata", whole(body, "application/xml"))
    report = fetch_one(store)
    assert reason in said(report)
    assert (report.exit_code, held(store)) == (4, [])


def test_more_objects_than_are_expected_are_refused(bucket, store):
    bucket.objects["jwst/public/jw01366/tenth_x1d.fits"] = b"ENTRY 10\n"
    assert "more than 9 objects" in said(fetch_one(store))
    assert held(store) == []


# -- observations at MAST -------------------------------------------------------------------------------------------
@pytest.fixture
def mast(services) -> MastService:
    lists = {str(100 + number): [name, f"{number}_i2d.fits"] for number, name in enumerate(SPECTRA)}
    lists["100"].append(next(reversed(SPECTRA)))  # a product of two observations
    service = MastService("mast", lists, dict(SPECTRA))
    services.serve("mast", service)
    ask = MastProducts(services.url("mast/invoke"), services.url("mast/file") + "?uri={uri}",
                       (("obs_collection", ("JWST",)),), r"jw.*_x1d\.fits", together=4, most=20)  # fmt: skip
    register(made_source(product("x1d", ask)))
    return service


def test_products_of_observations_come_some_observations_at_a_time(mast, services, store):
    report = fetch_one(store)
    assert report.complete, said(report)
    assert names(store) == [f"x1d/{name}" for name in SPECTRA]
    invoked = [request for request in services.requests if request.path == "mast/invoke"]
    assert len(invoked) == 1 + 1 + 3  # one answer was not ready
    assert invoked[0].target == invoked[1].target
    [asked] = {request.query for request in services.requests if "_x1d" in request.query and "o000" in request.query}
    assert asked == "uri=mast:JWST/product/jw01366-o000_t001_x1d.fits"
    assert fetch_one(store).requests == 0


def test_lists_of_products_are_not_asked_for_again_after_a_failure(mast, services, store):
    missing = dict(mast.files)
    mast.files.pop("jw01366-o004_t001_x1d.fits")
    assert fetch_one(store).exit_code == 5
    mast.files.update(missing)
    before = len(services.requests)
    assert fetch_one(store).complete
    assert [request.path for request in services.requests[before:]] == ["mast/invoke", "mast/file"]


@pytest.mark.parametrize(
    ("how", "reason", "code"),
    [
        ({"error": "Invalid filter"}, "answers 'Invalid filter'", 4),
        ({"lacks": 1}, "has 9 rows, and 8 came", 1),
        ({"busy": 10**6}, "still at work", 5),
        ({"products": {"100": ["preview.jpg"]}}, "no file of the form", 4),
        ({"products": {"100": [f"jw{number}_x1d.fits" for number in range(21)]}}, "more than 20 files", 4),
        ({"products": {"100": ["jw/../../x_x1d.fits"]}}, "is no name of a file", 4),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_mast_answers_wrongly_is_said(mast, store, how, reason, code):
    for name, value in how.items():
        setattr(mast, name, value)
    report = fetch_one(store)
    assert reason in said(report)
    assert (report.exit_code, held(store)) == (code, [])


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"status": "COMPLETE"}', b'{"status": "COMPLETE", "data": [1]}'])
def test_an_answer_of_mast_without_rows_is_refused(mast, services, store, body):
    services.serve("mast", whole(body, "application/json"))
    assert fetch_one(store).exit_code == 4
