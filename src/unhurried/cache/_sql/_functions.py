"""Functions of SQLite, its own and those Django adds: none of them reads or writes a table."""

from __future__ import annotations

from typing import Final

_OWN: Final = """
abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling changes char coalesce concat concat_ws
cos cosh count cume_dist current_date current_time current_timestamp date datetime degrees
dense_rank exp first_value floor format glob group_concat hex ifnull iif instr json json_array
json_array_length json_each json_error_position json_extract json_group_array json_group_object
json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set
json_tree json_type json_valid jsonb jsonb_array jsonb_extract jsonb_group_array
jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set
julianday lag last_insert_rowid last_value lead length like likelihood likely ln log log10 log2
lower ltrim max median min mod nth_value ntile nullif octet_length percent_rank pi pow power
printf quote radians random randomblob rank replace round row_number rtrim sign sin sinh soundex
sqlite_source_id sqlite_version sqrt strftime string_agg substr substring subtype sum tan tanh
time timediff total total_changes trim trunc typeof unhex unicode unistr unixepoch unlikely upper
zeroblob bm25 highlight snippet matchinfo offsets generate_series
""".split()
_DJANGOS: Final = """
django_date_extract django_date_trunc django_datetime_cast_date django_datetime_cast_time
django_datetime_extract django_datetime_trunc django_format_dtdelta django_power
django_time_diff django_time_extract django_time_trunc django_timestamp_diff any_value bitxor cot
lpad md5 regexp repeat reverse rpad sha1 sha224 sha256 sha384 sha512 json_contains stddev_pop
stddev_samp var_pop var_samp uuid4 uuidv4 uuid7 uuidv7 rand
""".split()

#: Any other is Python, registered by the site: it can read what it likes, but writes no table.
KNOWN_TO_SQLITE: Final = dict.fromkeys((*_OWN, *_DJANGOS), "")
