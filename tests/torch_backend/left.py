"""What runs left behind, compared."""

import json


def files(folder, hidden=True):
    """Contents of all files below ``folder``, but for seconds; a checkpoint is compared by what it leads to.

    hidden: temporary files, which a kill may leave, too.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "checkpoint.pt" and (hidden or not path.name.startswith(".")):
            content = path.read_bytes()
            if path.suffix in (".json", ".jsonl"):
                lines = content.decode().splitlines() if path.suffix == ".jsonl" else [content.decode()]
                content = [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]
            found[str(path.relative_to(folder))] = content
    return found
