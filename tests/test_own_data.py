"""Text, tables and folders of images: their samples, and errors for wrong files."""

import pickle

import numpy as np
import pytest

from wengert.data import (
    ByteVocabulary,
    CharacterVocabulary,
    DataLoader,
    ImageFolder,
    TokenWindows,
    load_csv,
    load_text,
)

# ---- Text ----


def test_text_is_encoded_as_characters_and_decoded(tmp_path):
    (tmp_path / "text").write_text("żółw 龟 🐢\r\nbaba", encoding="utf-8", newline="")
    text = load_text(tmp_path / "text")
    assert text.vocabulary.decode(text.tokens) == "żółw 龟 🐢\nbaba"
    assert text.vocabulary.characters == "".join(sorted(set("żółw 龟 🐢\nbaba")))
    assert text.tokens.dtype == np.uint8
    assert text.vocabulary.encode("abba").tolist() == [2, 3, 3, 2]
    assert repr(text) == "Text(13 tokens of 10)"


def test_text_as_bytes_is_the_file(tmp_path):
    (tmp_path / "text").write_bytes(b"\xff\x00\r\n")
    text = load_text(tmp_path / "text", "bytes")
    assert text.tokens.tolist() == [255, 0, 13, 10]
    assert text.vocabulary.decode(text.tokens) == "\ufffd\0\r\n"
    assert len(text.vocabulary) == 256
    assert ByteVocabulary().decode(ByteVocabulary().encode("龟")) == "龟"


def test_a_vocabulary_keeps_the_order_it_is_given():
    vocabulary = CharacterVocabulary("zab")
    assert vocabulary.encode("abz").tolist() == [1, 2, 0]
    assert vocabulary.decode(np.array([0, 1])) == "za"
    assert vocabulary.encode("").size == 0
    assert vocabulary.decode(np.array([])) == ""


@pytest.mark.parametrize("text", ["abc!", "!", "ab龟"])
def test_a_character_outside_of_the_vocabulary_is_named(text):
    with pytest.raises(ValueError, match=f"encode: got '{text[-1]}', which is not among the 3"):
        CharacterVocabulary("abc").encode(text)


@pytest.mark.parametrize("characters", ["", "aa"])
def test_a_vocabulary_needs_different_characters(characters):
    with pytest.raises(ValueError, match="needed different characters"):
        CharacterVocabulary(characters)


@pytest.mark.parametrize("vocabulary", [CharacterVocabulary("abc"), ByteVocabulary()])
@pytest.mark.parametrize("tokens", [[-1], [256], [0.5], [[1]]])
def test_a_value_that_is_not_a_token_is_not_decoded(vocabulary, tokens):
    with pytest.raises(ValueError, match="decode: got"):
        vocabulary.decode(np.array(tokens))


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "text"
    with pytest.raises(FileNotFoundError, match="load_text: there is no file"):
        load_text(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="is empty"):
        load_text(path)
    path.write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match=r"is not text in utf-8-sig .*encoding='latin-1'"):
        load_text(path)
    assert "é" in load_text(path, encoding="latin-1").vocabulary.characters
    with pytest.raises(ValueError, match="got encoding 'klingon'"):
        load_text(path, encoding="klingon")
    with pytest.raises(ValueError, match="got unit 'words', needed 'characters' or 'bytes'"):
        load_text(path, "words")
    path.write_bytes(b"\xef\xbb\xbf")
    with pytest.raises(ValueError, match="is empty"):
        load_text(path)


def test_a_byte_order_mark_is_not_a_character(tmp_path):
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfab")
    assert load_text(tmp_path / "text").vocabulary.characters == "ab"
    assert len(load_text(tmp_path / "text", "bytes").tokens) == 5


def test_windows_are_pairs_of_tokens_and_next_tokens():
    windows = TokenWindows(np.arange(10, dtype=np.uint8), 4)
    assert len(windows) == 6
    for i in (0, 5, -1):
        x, t = windows[i]
        assert x.tolist() == list(range(i % 6, i % 6 + 4))
        np.testing.assert_array_equal(t, x + 1)
        assert (x.dtype, t.dtype) == (np.int64, np.int64)
    x, t = windows[np.array([0, 5])]
    assert x.tolist() == [[0, 1, 2, 3], [5, 6, 7, 8]]
    np.testing.assert_array_equal(t, x + 1)
    with pytest.raises(IndexError):
        windows[6]
    assert next(iter(DataLoader(windows, 3, seed=0)))[0].shape == (3, 4)


@pytest.mark.parametrize(
    ("tokens", "length", "error"),
    [
        (np.arange(5), 5, ValueError),
        (np.arange(5), 0, ValueError),
        (np.arange(5), 2.0, TypeError),
        (np.arange(5.0), 2, ValueError),
        (np.zeros((5, 5), int), 2, ValueError),
    ],
)
def test_windows_that_do_not_fit_are_refused(tokens, length, error):
    with pytest.raises(error, match="TokenWindows: got"):
        TokenWindows(tokens, length)


# ---- Tables ----


@pytest.fixture
def csv(tmp_path):
    def load(text: str, *args, **options):
        (tmp_path / "table.csv").write_text(text, encoding="utf-8")
        return load_csv(tmp_path / "table.csv", *args, **options)

    return load


def test_a_table_with_classes_by_name(csv):
    table = csv('\ufefflength, width, "kind"\n1.5, 2, b\n\n-3, 4e1, a\n1, 1, b\n')
    assert table.columns == ("length", "width")
    assert table.classes == ("a", "b")
    x, t = table.arrays
    assert x.tolist() == [[1.5, 2], [-3, 40], [1, 1]]
    assert t.tolist() == [1, 0, 1]
    assert (x.dtype, t.dtype) == (np.float32, np.int64)
    assert repr(table) == "Table(3 samples, columns=('length', 'width'), t: 2 classes)"


def test_a_table_of_numbers_without_a_header(csv):
    table = csv("1;2;0.5\n3;4;1.5\n", 0, delimiter=";")
    assert (table.columns, table.classes) == (("1", "2"), None)
    assert table.arrays[0].tolist() == [[2, 0.5], [4, 1.5]]
    assert table.arrays[1].tolist() == [1, 3]
    assert table.arrays[1].dtype == np.float32


def test_numbers_are_classes_on_request(csv):
    table = csv("x,t\n1,10\n2,9\n3,10\n", "t", kind="classes")
    assert table.classes == ("9", "10")  # by size, not by the alphabet
    assert table.arrays[1].tolist() == [1, 0, 1]


def test_numbers_in_several_notations_have_one_order(csv):
    fields = ["1", "1.0", "1.00", "01", "+1", "1e0"]  # a set has another order in each process
    table = csv("".join(f"0,{field}\n" for field in fields), kind="classes")
    assert table.classes == tuple(sorted(fields))


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("id,2019,t\n1,2,x\n2,3,y\n", ("id", "2019")),  # numbers below a text
        ("land,2019,2020\nA,1.5,2\nB,2.5,3\n", ("land", "2019")),  # numbers that count on
        ("5.1,3.5,rose\n4.9,3,rose\n", ("0", "1")),
        ("5.1,3.5,rose\n4.9,3,lily\n", ("0", "1")),
        ("a,b,c\na,b,d\nd,a,b\na,b,d\n", ("a", "b")),
        ("a,b,c\nb,b,d\na,d,c\nb,b,c\n", ("0", "1")),  # all of it is found again below
    ],
)
def test_the_first_line_is_a_header_if_its_fields_differ_from_those_below(csv, text, columns):
    found = csv(text, kind="classes", categories="auto")
    assert tuple(dict.fromkeys(name.partition("=")[0] for name in found.columns)) == columns


def test_texts_are_read_as_categories_on_request(csv):
    text = "colour,size,t\nred,1,0.5\nblue,2,1.5\nred,3,2.5\n"
    for categories in ("auto", "colour", [0]):
        table = csv(text, categories=categories)
        assert table.columns == ("colour=blue", "colour=red", "size")
        assert table.arrays[0].tolist() == [[0, 1, 1], [1, 0, 2], [0, 1, 3]]
        assert table.categories == {"colour": ("blue", "red")}
    other = csv("colour,size,t\ngreen,1,0.5\nblue,2,1.5\n", categories=table.categories)
    assert other.columns == table.columns
    assert other.arrays[0].tolist() == [[0, 0, 1], [1, 0, 2]]


def test_numbers_with_a_decimal_comma_are_read_on_request(csv):
    text = "a;t\n1,5;2\n-,5;1e3\n"
    with pytest.raises(ValueError, match="column 'a' has '1,5', needed a number; decimal=','"):
        csv(text, delimiter=";")
    table = csv(text, delimiter=";", decimal=",")
    assert table.arrays[0].tolist() == [[1.5], [-0.5]]
    with pytest.raises(ValueError, match="got decimal ',' with delimiter ',', needed"):
        csv(text, decimal=",")
    with pytest.raises(ValueError, match=r"column 'a' has '1\.5', needed a number"):
        csv("a;t\n1.5;2\n", delimiter=";", decimal=",")


def test_a_spreadsheet_is_told(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(ValueError, match=r"load_csv: .* is a spreadsheet .* save it as CSV"):
        load_csv(tmp_path / "t.csv")
    with pytest.raises(FileNotFoundError, match="is a folder, needed a file"):
        load_csv(tmp_path)


def test_a_header_of_numbers_has_to_be_declared(csv):
    assert len(csv("2019,2020\n1,2\n")) == 2
    assert csv("2019,2020\n1,2\n", header=True).columns == ("2019",)
    with pytest.raises(ValueError, match="line 1, column '0' has 'a'"):
        csv("a,b\n1,2\n", header=False)


@pytest.mark.parametrize(
    ("text", "columns", "size"),
    [
        ("0,1,2\n0.5,1.5,2.5\n1.5,0.5,2.5\n", ("0", "1"), 2),
        (",0,1\n0,1.5,2.5\n1,0.5,2.5\n", ("", "0"), 2),  # with an index
        (",0,1,2\n0,,1.5,2.5\n1,1,0.5,2.5\n", ("", "0", "1"), 2),
        ("0,1,2\n0,1,2\n3,4,5\n", ("0", "1"), 3),  # a sample
        ("0,1\n1,0\n", ("0",), 2),
        ("1,2,3\n4,5,6\n", ("0", "1"), 2),
        ("0.0,1.0,2.0\n4,5,6\n", ("0", "1"), 2),
        ("0,1,2\n", ("0", "1"), 1),
    ],
)
def test_a_first_line_that_counts_the_columns_is_a_header(csv, text, columns, size):
    table = csv(text, missing=0.0)
    assert table.columns == columns
    assert len(table) == size


def test_columns_can_be_left_out(csv):
    table = csv("name,x,y,t\nanna,1,2,3\n", leave_out=["name", 2])
    assert table.columns == ("x",)
    for one in ("name", 0, -4, np.int64(0)):
        assert csv("name,x,y,t\nanna,1,2,3\n", leave_out=one).columns == ("x", "y")


@pytest.mark.parametrize("hole", ["", "NA", "nan", "NaN", "?", "null", " "])
def test_a_missing_number_is_refused_or_replaced(csv, hole):
    text = f"a,b,t\n1,2,x\n3,{hole},y\n"
    with pytest.raises(ValueError, match=r"line 3, column 'b' has .* needed a number; missing=0.0"):
        csv(text)
    assert csv(text, missing=-1).arrays[0].tolist() == [[1, 2], [3, -1]]
    with pytest.raises(ValueError, match="line 3"):
        csv(text, "b", missing=-1)  # not in the target


def test_an_empty_field_is_no_class(csv):
    with pytest.raises(ValueError, match="line 3 has no target in column 'b'"):
        csv("a,b\n1,2\n3,\n", kind="classes")


@pytest.mark.parametrize("name", ["NA", "nan", "NaN", "?", "null", "none", "-"])
def test_a_word_for_nothing_is_the_name_of_a_class_on_request(csv, name):
    text = f"a,b\n1,x\n3,{name}\n"
    with pytest.raises(ValueError, match=r"line 3 has no target .* kind='classes' takes it as"):
        csv(text)
    assert set(csv(text, kind="classes").classes) == {"x", name}


@pytest.mark.parametrize(
    ("text", "options", "found"),
    [
        ("", {}, "is empty"),
        ("a,b\n", {}, "has a header but no rows"),
        ("a;b\n1;2\n", {}, r"one column, 'a;b', .* is it ';'"),
        ("a,b\n1,2\n1,2,3\n", {}, "line 3 has 3 fields, needed 2"),
        ("a,b\n1,2\n1\n", {}, "line 3 has 1 fields, needed 2"),
        ("a,b\nred,2\n", {}, "line 2, column 'a' has 'red', needed a number; leave_out"),
        ("a,b\n12_34,2\n", {}, "line 2, column 'a' has '12_34', needed a number; leave_out"),
        ("a,b\ninf,2\n", {}, "line 2, column 'a' has 'inf'"),
        ("a,b\n1e99,2\n", {}, "line 2, column 'a' has '1e99', needed a number within"),
        ("a,b\n1,x\n", {"kind": "numbers"}, "line 2, column 'b' has 'x'"),
        ("a,b\n1,2\n", {"target": "c"}, "got target 'c', needed one of the columns .*: a, b"),
        ("a,a\n1,2\n", {"target": "a"}, "got target 'a'"),
        ("a,b\n1,2\n", {"target": 2}, "got target 2, but .* has 2 columns"),
        ("a,b\n1,2\n", {"leave_out": ["c"]}, "got leave_out 'c'"),
        ("a,b\n1,2\n", {"leave_out": [0]}, "no column of .* is left"),
        ("a,b\n1,2\n", {"kind": "words"}, "got kind 'words', needed one of auto, classes"),
        ("a,b\n1,2\n", {"missing": float("nan")}, "got missing nan"),
        ("a,b\n,2\n", {"missing": 10**400}, "got missing 1000"),
        ("a,b\n,2\n", {"missing": 1e39}, "got missing 1e.39"),
        ("a,b\n1,2\n", {"delimiter": "\n"}, ""),
        ("a,b\n1,2\n", {"delimiter": '"'}, ""),
        ("a,b\n1,2\n", {"encoding": "a\0b"}, "cannot be read: "),
        ("a,b\n1,2\n", {"delimiter": "::"}, "cannot be read: "),
        ("a,b\n1,2\n", {"encoding": "klingon"}, "cannot be read: "),
        ('a,b\n1,"2\n', {}, "cannot be read: "),
        ("a,é\n1,2\n", {"encoding": "ascii"}, "cannot be read: "),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_line_and_column(csv, text, options, found):
    with pytest.raises(ValueError, match=f"load_csv: .*{found}"):
        csv(text, **options)


def test_a_missing_table_or_a_target_of_the_wrong_type_is_refused(csv, tmp_path):
    with pytest.raises(FileNotFoundError, match="load_csv: there is no file"):
        load_csv(tmp_path / "nothing.csv")
    with pytest.raises(TypeError, match="got target None, needed a column's name or number"):
        csv("a,b\n1,2\n", None)
    with pytest.raises(TypeError, match="got leave_out None, needed a column's name or number"):
        csv("a,b\n1,2\n", leave_out=None)


# ---- Images in folders ----


@pytest.fixture
def pictures(tmp_path):
    """cat: red.png and deep/blue.gif; dog: grey.jpg, larger; and files that are not images."""
    image = pytest.importorskip("PIL.Image", reason="needs pip install 'wengert[images]'")
    for path, mode, size, colour in (
        ("cat/red.png", "RGB", (6, 4), (255, 0, 0)),
        ("cat/deep/blue.gif", "P", (6, 4), 0),
        ("dog/grey.JPG", "L", (12, 8), 100),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        image.new(mode, size, colour).save(tmp_path / path)
    (tmp_path / "dog" / "notes.txt").write_text("good dog")
    (tmp_path / ".hidden").mkdir()
    for path in ("cat/._red.png", "dog/.thumbnails/grey.jpg"):  # as macOS adds them to archives
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    (tmp_path / "readme.txt").write_text("")
    return tmp_path


def test_folders_are_classes_and_images_are_read_when_asked_for(pictures):
    images = ImageFolder(pictures)
    assert images.classes == ("cat", "dog")
    assert [path.name for path in images.paths] == ["blue.gif", "red.png", "grey.JPG"]
    assert images.labels.tolist() == [0, 0, 1]
    x, t = images[1]
    assert (x.shape, x.dtype, t) == ((3, 4, 6), np.float32, 0)
    assert x[:, 0, 0].tolist() == [1, 0, 0]
    x, t = images[-1]
    assert (x.shape, t) == ((3, 8, 12), 1)
    np.testing.assert_allclose(x, 100 / 255, atol=0.01)
    assert repr(images) == "ImageFolder(3 images in 2 classes)"


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_images_of_one_size_and_mode_make_a_batch(pictures, mode, channels):
    images = ImageFolder(pictures, size=(5, 7), mode=mode, dtype=np.uint8)
    x, t = images[:]
    assert (x.shape, x.dtype) == ((3, channels, 5, 7), np.uint8)
    assert t.tolist() == [0, 0, 1]
    assert ImageFolder(pictures, size=9)[0][0].shape == (3, 9, 9)
    assert pickle.loads(pickle.dumps(images))[2][0].shape == (channels, 5, 7)


def test_the_orientation_of_a_photograph_is_applied(pictures):
    image = pytest.importorskip("PIL.Image", reason="needs pip install 'wengert[images]'")
    exif = image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image.new("RGB", (6, 4)).save(pictures / "cat" / "turned.jpg", exif=exif)
    turned = [p.name for p in ImageFolder(pictures).paths].index("turned.jpg")
    assert ImageFolder(pictures)[turned][0].shape == (3, 6, 4)


@pytest.mark.parametrize("cut", [0, 20, 50])
def test_a_broken_image_is_named(pictures, cut):
    path = pictures / "cat" / "red.png"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"ImageFolder: .*red\.png cannot be read as an image"):
        ImageFolder(pictures)[1]


def test_an_image_of_16_bits_is_refused_rather_than_clipped(pictures):
    image = pytest.importorskip("PIL.Image", reason="needs pip install 'wengert[images]'")
    image.new("I;16", (6, 4), 40_000).save(pictures / "cat" / "red.png")
    with pytest.raises(ValueError, match="its mode is I;16, needed 8 bits per channel"):
        ImageFolder(pictures, mode="L")[1]


def test_a_palette_with_an_opacity_for_each_colour_is_read_without_a_warning(pictures):
    image = pytest.importorskip("PIL.Image", reason="needs pip install 'wengert[images]'")
    palette = image.new("RGB", (6, 4), (0, 255, 0)).quantize(2)
    palette.save(pictures / "cat" / "red.png", transparency=b"\x80\xff")
    assert ImageFolder(pictures)[1][0][:, 0, 0].tolist() == [0, 1, 0]
    assert ImageFolder(pictures, mode="RGBA", dtype=np.uint8)[1][0][3, 0, 0] == 128


def test_a_deleted_image_is_the_error_of_the_system(pictures):
    images = ImageFolder(pictures)
    images.paths[0].unlink()
    with pytest.raises(FileNotFoundError, match="blue"):
        images[0]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"mode": "CMYK"}, "got mode 'CMYK', needed L, RGB, RGBA"),
        ({"mode": ["L"]}, r"got mode \['L'\], needed L, RGB, RGBA"),
        ({"size": 0}, "got size 0, needed"),
        ({"size": (1, 2, 3)}, "got size"),
        ({"dtype": int}, "got dtype int64"),
    ],
)
def test_options_of_an_image_folder_that_are_wrong_are_refused(pictures, options, found):
    with pytest.raises(ValueError, match=f"ImageFolder: {found}"):
        ImageFolder(pictures, **options)


def test_the_size_of_the_images_is_an_integer_or_a_pair(pictures):
    with pytest.raises(TypeError, match=r"ImageFolder: got size 2.5, needed an integer ≥ 1 or"):
        ImageFolder(pictures, size=2.5)


def test_an_image_folder_needs_folders_with_images(pictures, tmp_path):
    with pytest.raises(NotADirectoryError, match="ImageFolder: there is no folder"):
        ImageFolder(tmp_path / "nothing")
    with pytest.raises(ValueError, match="has no folders, needed one for each class"):
        ImageFolder(pictures / "dog")
    (pictures / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has no images, needed files that end in"):
        ImageFolder(pictures)


# ---- Arguments of the wrong kind ----


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (lambda: load_text(None), "load_text: got path None, needed a path"),
        (lambda: load_text(__file__, encoding=8), "load_text: got encoding 8, needed its name"),
        (lambda: load_csv(__file__, header="yes"), "load_csv: got header 'yes', needed True"),
        (lambda: load_csv(3), "load_csv: got path 3, needed a path"),
        (lambda: ImageFolder(3), "ImageFolder: got folder 3, needed a path"),
        (lambda: CharacterVocabulary(3), "CharacterVocabulary: got characters 3, needed text"),
        (lambda: CharacterVocabulary("a").encode(b"a"), "encode: got text b'a', needed text"),
        (lambda: ByteVocabulary().encode(b"a"), "encode: got text b'a', needed text"),
        (lambda: load_csv(__file__, missing="mean"), "load_csv: got missing 'mean', needed"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(call, found):
    with pytest.raises(TypeError, match=found):
        call()
