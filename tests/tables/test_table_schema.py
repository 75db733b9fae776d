"""Tables as matrices, against scikit-learn's OrdinalEncoder, pandas and polars."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.preprocessing import OrdinalEncoder

from skdl._protocols import InputColumns
from skdl.tables import TableSchema

NAN = np.nan
RNG = np.random.default_rng(0)
TOWNS = RNG.choice(["Ulm", "Bonn", "Köln", "Aachen"], 60).astype(object)
TABLE = pd.DataFrame(
    {"age": RNG.normal(size=60), "town": TOWNS, "rooms": RNG.integers(1, 6, 60), "cat": RNG.random(60) < 0.5}
)


def codes(values, **options):
    """The codes of a column alone."""
    X = pd.DataFrame({"c": values})
    return TableSchema.fit(X, **options).transform(X)[:, 0].tolist()


def test_codes_are_those_of_scikit_learn_from_one_on():
    schema = TableSchema.fit(TABLE)
    matrix = schema.transform(TABLE)
    expected = OrdinalEncoder().fit_transform(TABLE[["town"]])[:, 0] + 1
    np.testing.assert_array_equal(matrix[:, 1], expected)
    np.testing.assert_array_equal(matrix[:, [0, 2, 3]], TABLE[["age", "rooms", "cat"]].to_numpy(float))
    assert matrix.dtype == np.float64
    assert matrix.flags.c_contiguous
    assert schema.columns == InputColumns((0, 4, 0, 0), (False,) * 4)
    assert hash(schema) == hash(TableSchema.fit(TABLE))


def test_numbers_alone_have_no_columns_to_tell_of():
    assert TableSchema.fit(TABLE[["age", "rooms", "cat"]]).columns is None
    assert TableSchema.fit(TABLE.assign(age=NAN)[["age"]]).columns == InputColumns((0,), (True,))


STRINGS = ["b", None, "a", "b"]
SAME_STRINGS = {
    "object": pd.Series(STRINGS, dtype=object),
    "nan": pd.Series(["b", NAN, "a", "b"], dtype=object),
    "NA": pd.Series(["b", pd.NA, "a", "b"], dtype=object),
    "str": pd.Series(STRINGS),
    "string": pd.Series(STRINGS, dtype="string"),
    "string[pyarrow]": pd.Series(STRINGS, dtype="string[pyarrow]"),
    "arrow string": pd.Series(STRINGS, dtype=pd.ArrowDtype(pa.string())),
    "arrow dictionary": pd.Series(STRINGS, dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    "category": pd.Series(STRINGS, dtype="category"),
    "other order": pd.Series(pd.Categorical(STRINGS, ["z", "b", "a"])),
    "ordered": pd.Series(pd.Categorical(STRINGS, ["b", "a"], ordered=True)),
    "polars": pl.Series(STRINGS),
    "polars category": pl.Series(STRINGS, dtype=pl.Categorical),
    "polars enum": pl.Series(STRINGS, dtype=pl.Enum(["z", "b", "a"])),
    "polars objects": pl.Series(STRINGS, dtype=pl.Object),
}


@pytest.mark.parametrize("fitted", SAME_STRINGS)
@pytest.mark.parametrize("given", SAME_STRINGS)
def test_strings_of_all_types_are_alike(fitted, given):
    fitted, given = (
        (pl.DataFrame if isinstance(values, pl.Series) else pd.DataFrame)({"c": values, "x": [1.5, 2, 3, 4]})
        for values in (SAME_STRINGS[fitted], SAME_STRINGS[given])
    )
    schema = TableSchema.fit(fitted)
    assert schema.categories == (("a", "b"), None)
    np.testing.assert_array_equal(schema.transform(given), [[2, 1.5], [3, 2], [1, 3], [2, 4]])


SAME_NUMBERS = {
    "float64": np.array([1.5, NAN, 0, 1]),
    "Float64": pd.array([1.5, None, 0, 1], dtype="Float64"),
    "Float32": pd.array([1.5, None, 0, 1], dtype="Float32"),
    "objects": np.array([1.5, None, 0, True], dtype=object),
    "NA": np.array([1.5, pd.NA, 0, 1], dtype=object),
    "decimals": np.array([Decimal("1.5"), None, Decimal(0), Fraction(1, 1)], dtype=object),
    "arrow": pd.array([1.5, None, 0, 1], dtype="double[pyarrow]"),
    "arrow decimals": pd.array(
        [Decimal("1.5"), None, Decimal(0), Decimal(1)], dtype=pd.ArrowDtype(pa.decimal128(5, 2))
    ),
    "sparse": pd.arrays.SparseArray([1.5, NAN, 0, 1]),
    "polars": pl.Series([1.5, None, 0, 1]),
    "polars NaN": pl.Series([1.5, NAN, 0, 1]),
    "polars decimals": pl.Series([Decimal("1.5"), None, Decimal(0), Decimal(1)]),
    "polars objects": pl.Series([1.5, None, 0, True], dtype=pl.Object),
}


@pytest.mark.parametrize("values", SAME_NUMBERS.values(), ids=SAME_NUMBERS)
def test_numbers_of_all_types_are_alike(values):
    frame = (pl.DataFrame if isinstance(values, pl.Series) else pd.DataFrame)({"c": values})
    schema = TableSchema.fit(frame)
    assert schema.columns == InputColumns((0,), (True,))
    np.testing.assert_array_equal(schema.transform(frame)[:, 0], [1.5, NAN, 0, 1])


@pytest.mark.parametrize(
    "values",
    [
        np.array([True, None, False], dtype=object),
        pd.array([True, None, False], dtype="boolean"),
        pd.array([True, None, False], dtype="bool[pyarrow]"),
        pl.Series([True, None, False]),
        pd.array([1, None, 0], dtype="Int64"),
        pd.array([1, None, 0], dtype="int64[pyarrow]"),
        pl.Series([1, None, 0]),
    ],
    ids=lambda values: str(values.dtype),
)
def test_booleans_and_whole_numbers_with_holes(values):
    frame = (pl.DataFrame if isinstance(values, pl.Series) else pd.DataFrame)({"c": values})
    schema = TableSchema.fit(frame)
    assert schema.columns == InputColumns((0,), (True,))
    np.testing.assert_array_equal(schema.transform(frame)[:, 0], [1, NAN, 0])


def test_values_of_mixed_types():
    assert codes(np.array(["b", 2, "a", 1.5, None], dtype=object)) == [4, 2, 3, 1, 5]
    assert codes(pd.cut([1, 5, 9], 3)) == [1, 2, 3]  # intervals
    assert codes(pd.Categorical([3, 1, 2])) == [3, 1, 2]
    schema = TableSchema.fit(pd.DataFrame({"c": np.array([1, "1"], dtype=object)}))
    assert schema.categories == ((1, "1"),)
    assert TableSchema.fit(pd.DataFrame({"c": pd.cut([1, 5], [0, 2, 6])})).categories == (("(0, 2]", "(2, 6]"),)


def test_unseen_values_and_missing_cells():
    X = pd.DataFrame({"with": ["a", None, "b"], "without": ["a", "c", "b"]})
    later = pd.DataFrame({"with": ["z", None, "a"], "without": ["z", None, "a"]})
    np.testing.assert_array_equal(TableSchema.fit(X).transform(later), [[0, 0], [3, 0], [1, 1]])


def test_columns_that_are_all_missing():
    X = pd.DataFrame(
        {"object": np.array([None, None]), "float": [NAN, NAN], "category": pd.Categorical([None, None], ["a"])}
    )
    schema = TableSchema.fit(X)
    assert schema.columns == InputColumns((1, 0, 1), (False, True, False))
    np.testing.assert_array_equal(schema.transform(X), [[1, NAN, 1]] * 2)
    np.testing.assert_array_equal(schema.transform(X.assign(object="x", category="a")), [[0, NAN, 0]] * 2)
    frame = pl.DataFrame({"null": [None, None]})
    assert TableSchema.fit(frame).columns == InputColumns((1,), (False,))


def test_the_most_frequent_categories_remain():
    values = ["d"] * 4 + ["c"] * 2 + ["b"] * 2 + ["a"] + [None]
    X = pd.DataFrame({"c": values})
    schema = TableSchema.fit(X, max_categories=3)
    assert schema.categories == (("b", "d"),)  # b and c are as frequent, and b comes first
    assert schema.columns == InputColumns((4,), (False,))
    assert schema.transform(X)[:, 0].tolist() == [2] * 4 + [3] * 2 + [1] * 2 + [3, 4]
    assert schema.transform(pd.DataFrame({"c": ["new"]})).tolist() == [[3]]  # it is one of the infrequent ones
    assert TableSchema.fit(X, max_categories=4).has_infrequent == (False,)
    assert TableSchema.fit(X, max_categories=1).categories == ((),)
    weight = np.array([0.1] * 4 + [2.0] * 2 + [3.0] * 2 + [5, 1])
    assert TableSchema.fit(X, weight, max_categories=3).categories == (("a", "b"),)


def test_weight_two_is_the_row_twice_and_weight_zero_is_absent():
    X = TABLE.assign(age=TABLE["age"].where(TABLE.index % 7 > 0), town=TABLE["town"].where(TABLE.index != 5))
    X.loc[8, "town"] = "Nowhere"
    weight = np.ones(60)
    weight[[5, 8, *range(0, 60, 7)]] = 0
    weight[10:30] *= 2
    schema = TableSchema.fit(X, weight, max_categories=3)
    repeated = X.loc[np.repeat(np.arange(60), weight.astype(int))]
    assert schema == TableSchema.fit(repeated, max_categories=3)
    assert schema.has_missing == (False,) * 4
    assert "Nowhere" not in TableSchema.fit(X, weight).categories[1]
    assert "Nowhere" in TableSchema.fit(X).categories[1]
    X["cat"] = X["cat"].astype(object)
    X.loc[5, "cat"] = "?"
    assert TableSchema.fit(X, weight).categories[3] is None  # all that counts are booleans


def test_columns_are_found_by_name():
    schema = TableSchema.fit(TABLE)
    matrix = schema.transform(TABLE)
    shuffled = TABLE[["cat", "town", "rooms", "age"]]
    np.testing.assert_array_equal(schema.transform(shuffled), matrix)
    np.testing.assert_array_equal(schema.transform(pl.from_pandas(shuffled)), matrix)
    with pytest.raises(ValueError, match=r"X lacks columns 'town', 'cat', which the fit had\. Give the columns"):
        schema.transform(TABLE[["age", "rooms"]])
    with pytest.raises(ValueError, match=r"X has column 'new', which the fit did not have\. Give the columns"):
        schema.transform(TABLE.assign(new=1))
    with pytest.raises(ValueError, match=r"lacks column 'age', which the fit had and has column 'Age', which the fit"):
        schema.transform(TABLE.rename(columns={"age": "Age"}))
    numbered = TABLE.set_axis([3, 2, 1, 0], axis=1)
    schema = TableSchema.fit(numbered)
    assert schema.names == (3, 2, 1, 0)
    np.testing.assert_array_equal(schema.transform(numbered[[0, 1, 2, 3]]), matrix)
    twice = TABLE.set_axis(["a", "b", "a", "c"], axis=1)
    with pytest.raises(ValueError, match="X has column 'a' more than once"):
        TableSchema.fit(twice)


def test_arrays():
    X = TABLE[["town", "age", "rooms"]].to_numpy()
    schema = TableSchema.fit(X, categorical_features=[0, 2])
    assert schema.columns == InputColumns((4, 0, 5), (False,) * 3)
    np.testing.assert_array_equal(schema.transform(X)[:, 1], TABLE["age"])
    np.testing.assert_array_equal(schema.transform(X)[:, 2], TABLE["rooms"])  # 1, ..., 5 are their own codes
    with pytest.raises(ValueError, match="X has 2 columns, and the data of the fit had 3"):
        schema.transform(X[:, :2])
    with pytest.raises(ValueError, match=r"holds text or objects, such as '(Ulm|Bonn|Köln|Aachen)', in column 0"):
        TableSchema.fit(X).transform(X)
    assert TableSchema.fit(X.astype(str), categorical_features=[0]).columns == InputColumns((4, 0, 0), (False,) * 3)


def test_the_choice_of_categories():
    def chosen(value):
        return [values is not None for values in TableSchema.fit(TABLE, categorical_features=value).categories]

    assert chosen("from_dtype") == [False, True, False, False]
    assert chosen(["town", "rooms"]) == chosen([1, 2]) == chosen(np.array([False, True, True, False]))
    assert chosen(["town", "rooms"]) == [False, True, True, False]
    assert chosen(None) == chosen([]) == [False] * 4
    for value, message in (
        (["place"], "X has no column 'place'"),
        ([4], "Got number 4, and X has 4 columns"),
        ([-1], "Got number -1"),
        ([True, False], "Got 2 bools, and X has 4 columns"),
        ("town", "Got 'town'"),
        ([1.5], r"Got \[1.5\]"),
    ):
        with pytest.raises(ValueError, match=f"The 'categorical_features' parameter must be .*{message}"):
            chosen(value)
    with pytest.raises(ValueError, match="Got names, and X is an array"):
        TableSchema.fit(np.ones((2, 2)), categorical_features=["a"])


@pytest.mark.parametrize("missing", ["auto", "encode", "error"])
def test_where_missing_cells_are_allowed(missing):
    X = TABLE.assign(age=TABLE["age"].where(TABLE.index > 2))
    array = X.to_numpy()
    of_frame, of_array = (TableSchema.fit(table, categorical_features=[1], missing=missing) for table in (X, array))
    pattern = r"Input X contains NaN in column {} \(3 of 60 rows\): missing='{}'"
    if missing == "error":
        with pytest.raises(ValueError, match=pattern.format("'age'", "error")):
            of_frame.transform(X)
    else:
        assert np.isnan(of_frame.transform(X)).sum() == 3
    if missing == "encode":
        assert np.isnan(of_array.transform(array)).sum() == 3
    else:
        with pytest.raises(ValueError, match=pattern.format(0, "encode" if missing == "auto" else "error")):
            of_array.transform(array)


def test_what_is_neither_a_number_nor_a_category():
    def refused(values, message, **options):
        frame = values if isinstance(values, (pd.DataFrame, pl.DataFrame)) else pd.DataFrame({"c": values})
        with pytest.raises(ValueError, match=message):
            TableSchema.fit(frame, **options).transform(frame)

    day = datetime.date(2026, 1, 1)
    refused(pd.date_range("2026", periods=2), "X holds dates or times in column 'c'")
    refused(pl.DataFrame({"c": [day]}), "X holds dates or times in column 'c'")
    refused(np.array([day, None]), "X holds dates or times in column 'c', as objects")
    refused(np.array([[1], None], dtype=object), "X holds objects such as lists in column 'c'")
    refused(np.array([[1], None], dtype=object), "objects such as lists in column 'c'", categorical_features=["c"])
    refused(pd.period_range("2026", periods=2, freq="D"), r"X holds values of type period\[D\] in column 'c'")
    refused(np.array([1j, 2]), "X holds values of type complex128 in column 'c'")
    refused(pl.DataFrame({"c": [[1], [2]]}), r"X holds values of type List in column 'c'")
    refused([1.0, np.inf], r"Input X contains infinity or a value too large for float64 in column 'c' \(1 of 2 rows\)")
    large = np.array([[10**400], [1]], dtype=object)
    with pytest.raises(ValueError, match=r"X holds text or objects, such as 10000.*in column 0"):
        TableSchema.fit(large).transform(large)
    numbers = TableSchema.fit(pd.DataFrame({"c": [1.0, 2.0]}))
    with pytest.raises(ValueError, match="X holds text or objects, such as 'many', in column 'c', which holds numb"):
        numbers.transform(pd.DataFrame({"c": [1, "many"]}))


def test_precision():
    def dtype(**types):
        X = pd.DataFrame({name: np.ones(3, type_) for name, type_ in types.items()} | {"c": list("aba")})
        return TableSchema.fit(X).transform(X).dtype

    assert dtype(a="f4") == dtype(a="f4", b="i1", c="?") == dtype(a="f4", b="f2") == np.float32
    assert dtype(a="f8", b="f4") == dtype(a="f4", b="i4") == dtype(b="?") == dtype() == np.float64
    nullable = pd.DataFrame({"a": pd.array([1, None], dtype="Float32"), "b": pd.array([True, None], dtype="boolean")})
    assert TableSchema.fit(nullable).transform(nullable).dtype == np.float32
    single = pl.DataFrame({"a": [1.0, None], "c": ["a", "b"]}, schema={"a": pl.Float32, "c": pl.String})
    assert TableSchema.fit(single).transform(single).dtype == np.float32


def test_an_empty_table():
    X = TABLE.iloc[:0]
    assert TableSchema.fit(TABLE).transform(X).shape == (0, 4)
    assert TableSchema.fit(X).categories == (None, (), None, None)
