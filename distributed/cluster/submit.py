"""Submit job.py to a running cluster, show its output, and exit with its status.

This needs ``pip install "ray[default]"``, of the same version as the cluster, and the cluster's
token. With ``--wheel``, zoopt itself is uploaded for nodes that do not have it.

    python submit.py /checkpoints/digits.db --wheel zoopt-1.0-cp311-cp311-linux_x86_64.whl
"""

import argparse
import asyncio
import shlex
import sys
from pathlib import Path

from ray.job_submission import JobStatus, JobSubmissionClient


async def follow(client: JobSubmissionClient, job: str) -> None:
    async for lines in client.tail_job_logs(job):
        print(lines, end="", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", help="file on a disk of the head node")
    parser.add_argument("--address", default="http://127.0.0.1:8265", help="URL of the dashboard")
    parser.add_argument("--wheel", help="wheel of zoopt, for the nodes' Python and processor")
    args, settings = parser.parse_known_args()

    client = JobSubmissionClient(args.address)
    job = client.submit_job(
        entrypoint=shlex.join(["python", "job.py", args.checkpoint, *settings]),
        runtime_env={
            "working_dir": str(Path(__file__).parent),
            "py_modules": [args.wheel] if args.wheel else [],
        },
    )
    print(f"{job}; stop it with: ray job stop --address {args.address} {job}", flush=True)
    asyncio.run(follow(client, job))
    info = client.get_job_info(job)
    print(info.status, info.message or "")
    sys.exit(info.status != JobStatus.SUCCEEDED)


if __name__ == "__main__":
    main()
