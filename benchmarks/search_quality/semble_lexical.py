"""Run by semble's own interpreter: its lexical ranking as JSON lines. The model needs a download and is left out."""

import json
import sys
from pathlib import Path

import numpy as np
from semble.index.bm25 import BM25
from semble.index.create import _chunk_file
from semble.index.file_walker import walk_files
from semble.index.files import FileStatus, get_extensions, get_file_status
from semble.ranking import apply_query_boost, boost_multi_chunk_files, rerank_topk
from semble.search import _rrf_scores, _search_bm25
from semble.types import ContentType

root = Path(sys.argv[1]).resolve()
index, chunks, ids = BM25.empty(), [], []
for path in walk_files(root, get_extensions((ContentType.CODE,))):
    if get_file_status(path, path.stat()) is not FileStatus.VALID:
        continue
    chunked = _chunk_file(path, str(path.relative_to(root)))
    for chunk, tokens in zip(*(chunked or ((), ())), strict=True):
        ids.append(str(len(ids)))
        chunks.append(chunk)
        index.add_document(ids[-1], tokens)
index.set_doc_order(ids)
for line in sys.stdin:
    asked = json.loads(line)
    limit = asked["limit"]
    found = _search_bm25(asked["query"], index, chunks, limit * 5, None)
    scores = _rrf_scores({result.chunk: result.score for result in found})
    boost_multi_chunk_files(scores)
    ranked = rerank_topk(apply_query_boost(scores, asked["query"], chunks), limit, penalise_paths=True)
    hits = [{"path": chunk.file_path, "line": chunk.start_line} for chunk, score in ranked if np.isfinite(score)]
    sys.stdout.write(json.dumps({"hits": hits}) + "\n")
    sys.stdout.flush()
