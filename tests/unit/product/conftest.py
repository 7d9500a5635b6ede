"""A small project: ten sales in a Parquet file, and a product over them that may be changed."""

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import Ridge

import interlock as il
from interlock.errors import AuthorError
from interlock.product.binding import bind

FIRST = date(1997, 1, 1)


def sales_table(n_rows=10):
    return pa.table(
        {
            "sale_id": pa.array(range(n_rows), pa.int64()),
            "sold_on": [FIRST + timedelta(days=i) for i in range(n_rows)],
            "built": pa.array([1950 + i for i in range(n_rows)], pa.int64()),
            "area": [100.0 + i for i in range(n_rows)],
            "zone": ["north" if i % 2 else "south" for i in range(n_rows)],
            "garage": pa.array([None if i % 3 else i for i in range(n_rows)], pa.int64()),
            "price": pa.array([10_000 + 1_000 * i for i in range(n_rows)], pa.int64()),
            "assessed": [9_000.0 + i for i in range(n_rows)],
            "photo": [b"x"] * n_rows,
        }
    )


class Project:
    """Declares and binds products in one folder."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, table, name="sales.parquet"):
        pq.write_table(table, self.folder / name)

    def source(self, path="sales.parquet", **changes):
        parts = {"key": "sale_id", "event_time": "sold_on", "available_after": "1d"} | changes
        return il.Source(path, **parts)

    def product(self, request, name="houses", **changes):
        source = changes.pop("source", None) or self.source()
        parts = {
            "examples": source.map(valued_on="sold_on"),
            "target": il.Regression("price", available_after="1d"),
            "candidates": {
                "mean": il.Baseline(il.Mean()),
                "ridge": il.Candidate(Ridge()),
            },
        }
        return il.Product(name, request=request, **(parts | changes))

    def bind(self, request, **changes):
        return bind(self.product(request, **changes), self.folder)

    def mistakes(self, request, **changes):
        with pytest.raises(AuthorError) as caught:
            self.bind(request, **changes)
        return caught.value.mistakes

    def mistake(self, request, **changes):
        """The text of the only mistake."""
        found = self.mistakes(request, **changes)
        assert len(found) == 1, "\n".join(map(str, found))
        return str(found[0])


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.write(sales_table())
    return made


@pytest.fixture
def sales():
    return sales_table()
