"""The deployment files are what their tools take, fit together, and keep the token on."""

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import zoopt

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")
autoscaler = pytest.importorskip("ray.autoscaler._private.util")

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "distributed" / "cluster"
CONTAINERFILE = (FOLDER / "Containerfile").read_text(encoding="utf-8")
CLUSTER = (FOLDER / "cluster.yaml").read_text(encoding="utf-8")
RAYJOB = (FOLDER / "rayjob.yaml").read_text(encoding="utf-8")

#: What KubeRay 1.7 knows, below which level. Kubernetes drops fields that it does not know.
KNOWN = {
    "RayJob": {
        "activeDeadlineSeconds",
        "backoffLimit",
        "entrypoint",
        "entrypointNumCpus",
        "entrypointNumGpus",
        "entrypointResources",
        "jobId",
        "metadata",
        "rayClusterSpec",
        "runtimeEnvYAML",
        "shutdownAfterJobFinishes",
        "submissionMode",
        "submitterConfig",
        "submitterPodTemplate",
        "suspend",
        "ttlSecondsAfterFinished",
    },
    "RayCluster": {
        "authOptions",
        "autoscalerOptions",
        "enableInTreeAutoscaling",
        "gcsFaultToleranceOptions",
        "headGroupSpec",
        "headServiceAnnotations",
        "networkPolicy",
        "rayVersion",
        "suspend",
        "tlsOptions",
        "upgradeStrategy",
        "workerGroupSpecs",
    },
    "head": {"headService", "labels", "rayStartParams", "resources", "serviceType", "template"},
    "group": {
        "groupName",
        "idleTimeoutSeconds",
        "labels",
        "maxReplicas",
        "minReplicas",
        "numOfHosts",
        "priority",
        "rayStartParams",
        "replicas",
        "resources",
        "scaleStrategy",
        "template",
    },
    "authOptions": {"mode", "secretName", "enableK8sTokenAuth"},
    "autoscalerOptions": {
        "env",
        "envFrom",
        "idleTimeoutSeconds",
        "image",
        "imagePullPolicy",
        "resources",
        "securityContext",
        "upscalingMode",
        "version",
        "volumeMounts",
    },
}


# ----------------------------------------------------------------- the checks, over texts


def module_of(name):
    spec = importlib.util.spec_from_file_location(f"cluster_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_cluster(text):
    """Take the file as `ray up` does; then see that nothing is open to the world."""
    given = yaml.safe_load(text)
    config = autoscaler.prepare_config(given)
    autoscaler.validate_config(config)
    assert config["provider"]["use_internal_ips"]
    assert "security_group" not in config["provider"]  # Ray's own lets the world in on port 22
    for kind in given["available_node_types"].values():
        assert kind["node_config"]["SubnetIds"]
        assert kind["node_config"]["SecurityGroupIds"]
    assert given["max_workers"] == given["available_node_types"]["worker"]["max_workers"]
    assert "/checkpoints" in " ".join(config["docker"]["head_run_options"])
    options = " ".join(config["docker"]["run_options"])
    assert "RAY_AUTH_MODE=token" in options
    token = re.search(r"RAY_AUTH_TOKEN_PATH=(\S+)", options)[1]
    assert os.path.dirname(token) in config["file_mounts"]
    [start] = [c for c in config["head_start_ray_commands"] if "--head" in c]
    assert "--dashboard-host=127.0.0.1" in start
    assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in start
    [start] = [c for c in config["worker_start_ray_commands"] if "start" in c]
    assert "--address=$RAY_HEAD_IP:6379" in start


def objects(text):
    """Return the objects of the manifest by their kind."""
    found = {thing["kind"]: thing for thing in yaml.safe_load_all(text)}
    assert set(found) == {"PersistentVolumeClaim", "RayJob"}
    return found


def containers(text):
    cluster = objects(text)["RayJob"]["spec"]["rayClusterSpec"]
    for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]:
        yield from group["template"]["spec"]["containers"]


def check_fields(text):
    job = objects(text)["RayJob"]
    assert job["apiVersion"] == "ray.io/v1"
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,45}[a-z0-9])?", job["metadata"]["name"])
    spec = job["spec"]
    cluster = spec["rayClusterSpec"]
    head = cluster["headGroupSpec"]
    levels = [("RayJob", spec), ("RayCluster", cluster), ("head", head)]
    levels += [("group", group) for group in cluster["workerGroupSpecs"]]
    levels += [(name, cluster[name]) for name in ("authOptions", "autoscalerOptions")]
    for level, fields in levels:
        assert set(fields) <= KNOWN[level], level
        for name, value in fields.get("rayStartParams", {}).items():
            assert isinstance(value, str), name


def check_job(text):
    """See that the job is tried again from a checkpoint that outlives its cluster."""
    things = objects(text)
    spec = things["RayJob"]["spec"]
    cluster = spec["rayClusterSpec"]
    assert cluster["authOptions"]["mode"] == "token"
    assert spec["shutdownAfterJobFinishes"]
    assert spec["backoffLimit"] > 0
    assert cluster["enableInTreeAutoscaling"]

    program, file, *settings = shlex.split(spec["entrypoint"])
    assert (program, file) == ("python", "/home/ray/job.py")
    args = module_of("job").arguments(settings)
    pod = cluster["headGroupSpec"]["template"]["spec"]
    [head] = pod["containers"]
    [mount] = head["volumeMounts"]
    assert args.checkpoint.startswith(mount["mountPath"] + "/")
    [volume] = pod["volumes"]
    assert volume["name"] == mount["name"]
    claim = things["PersistentVolumeClaim"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert pod["securityContext"]["fsGroup"]

    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    [group] = cluster["workerGroupSpecs"]
    assert group["minReplicas"] <= group["replicas"] < group["maxReplicas"]
    [worker] = group["template"]["spec"]["containers"]
    places = group["maxReplicas"] * int(worker["resources"]["limits"]["cpu"])
    assert args.workers == places  # a cluster grows by the workers that wait for a place
    for container in (head, worker):
        assert container["resources"]["requests"]["memory"]
        assert container["resources"]["limits"]["memory"]
    ports = {port["name"]: port["containerPort"] for port in head["ports"]}
    assert ports == {"gcs-server": 6379, "dashboard": 8265}


def check_whole_job(text):
    check_fields(text)
    check_job(text)


def check_images(containerfile, cluster, rayjob):
    """See that one image, with one Ray, is built and used."""
    [image] = re.findall(r"^# +docker build -f \S+ -t (\S+) \.$", containerfile, re.MULTILINE)
    assert yaml.safe_load(cluster)["docker"]["image"] == image
    assert {container["image"] for container in containers(rayjob)} == {image}
    [version] = re.findall(r"^ARG RAY_VERSION=(\S+)$", containerfile, re.MULTILINE)
    spec = objects(rayjob)["RayJob"]["spec"]["rayClusterSpec"]
    assert spec["rayVersion"] == version
    assert tuple(map(int, version.split("."))) >= (2, 52, 0)  # KubeRay's, for tokens


def copied(containerfile):
    """Yield sources and target of what is copied from the repository."""
    for line in re.findall(r"^COPY (?!--from)(.*)$", containerfile, re.MULTILINE):
        *sources, target = line.split()
        yield sources, target


def check_containerfile(text):
    build, run = re.split(r"^FROM .*$", text, flags=re.MULTILINE)[1:]
    for sources, _ in copied(text):
        for source in sources:
            assert (ROOT / source).exists(), source
    assert "ZOOPT_REQUIRE_NATIVE=1" in build
    assert "BACKEND == 'cython'" in run
    assert re.findall(r"^USER (.*)$", run, re.MULTILINE)[-1] == "ray"
    assert re.findall(r"^WORKDIR (.*)$", run, re.MULTILINE)[-1] == "/home/ray"
    assert (["distributed/cluster/job.py"], ".") in list(copied(run))
    assert "/checkpoints" in run
    assert "ENV RAY_AUTH_MODE=token" in run


# ----------------------------------------------------------------- the files, whole and broken


def test_ray_takes_the_cluster_and_nothing_of_it_is_open():
    check_cluster(CLUSTER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("use_internal_ips: true", "use_internal_ips: yes please"),
        ("use_internal_ips: true", "use_internal_ips: false"),
        ("idle_timeout_minutes", "idle_timeout"),
        ("head_node_type: head", "head_node_type: chief"),
        ('{"CPU": 0}', '{"CPU": none}'),
        ("cache_stopped_nodes: false", "security_group: {GroupName: open}"),
        ("SecurityGroupIds", "SecurityGroups"),
        ("RAY_AUTH_MODE=token", "RAY_AUTH_MODE=disabled"),
        ("/home/ray/zoopt_token: ~", "/home/ray/token: ~"),
        ("127.0.0.1", "0.0.0.0"),
        ("RAY_HEAD_IP:6379", "RAY_HEAD_IP:6380"),
    ],
)
def test_a_broken_cluster_is_noticed(old, new):
    assert old in CLUSTER
    with pytest.raises((AssertionError, KeyError, ValueError, jsonschema.ValidationError)):
        check_cluster(CLUSTER.replace(old, new))


def test_the_job_has_only_fields_that_kuberay_knows():
    check_fields(RAYJOB)


def test_the_job_goes_on_from_a_checkpoint_that_outlives_its_cluster():
    check_job(RAYJOB)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("backoffLimit", "backOffLimit"),
        ("idleTimeoutSeconds", "idleTimeout"),
        ("authOptions", "auth"),
        ("mode: token", "mode: disabled"),
        ("backoffLimit: 3", "backoffLimit: 0"),
        ("/home/ray/job.py", "/home/ray/jobs.py"),
        ("/checkpoints/digits.db", "/tmp/digits.db"),
        ("--workers 8", "--worker-count 8"),
        ("--workers 8", ""),
        ("claimName: zoopt-checkpoints", "claimName: checkpoints"),
        ("- name: checkpoints\n", "- name: checkpoint\n"),
        ('num-cpus: "0"', "num-cpus: 0"),
        ("limits: {memory: 4Gi}", "limits: {}"),
        ("maxReplicas: 4", "maxReplicas: 3"),
        ("fsGroup", "runAsGroup"),
        ("containerPort: 8265", "containerPort: 8266"),
        ("name: zoopt-digits", "name: zoopt_digits"),
    ],
)
def test_a_broken_job_is_noticed(old, new):
    assert old in RAYJOB
    broken = RAYJOB.replace(old, new)
    with pytest.raises((AssertionError, KeyError, ValueError, SystemExit)):
        check_whole_job(broken)


def test_one_image_with_one_ray_is_built_and_used():
    check_images(CONTAINERFILE, CLUSTER, RAYJOB)


@pytest.mark.parametrize(
    ("which", "old", "new"),
    [
        (0, "zoopt:1.0", "zoopt:1.1"),
        (1, "zoopt:1.0", "zoopt:1.1"),
        (2, "zoopt:1.0", "zoopt:1.1"),
        (0, "RAY_VERSION=2.60.0", "RAY_VERSION=2.59.0"),
        (2, "rayVersion: 2.60.0", "rayVersion: 2.59.0"),
    ],
)
def test_images_that_differ_are_noticed(which, old, new):
    texts = [CONTAINERFILE, CLUSTER, RAYJOB]
    assert old in texts[which]
    texts[which] = texts[which].replace(old, new, 1)
    with pytest.raises(AssertionError):
        check_images(*texts)


def test_the_container_file_copies_what_is_there():
    check_containerfile(CONTAINERFILE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("COPY zoopt zoopt", "COPY src src"),
        ("USER ray\n", ""),
        ("ENV RAY_AUTH_MODE=token", ""),
        ("COPY distributed/cluster/job.py .", ""),
    ],
)
def test_a_broken_container_file_is_noticed(old, new):
    assert old in CONTAINERFILE
    with pytest.raises(AssertionError):
        check_containerfile(CONTAINERFILE.replace(old, new))


@pytest.mark.parametrize("name", ["Containerfile", "cluster.yaml", "rayjob.yaml"])
def test_what_is_not_run_says_what_checked_it(name):
    head = (FOLDER / name).read_text(encoding="utf-8").split("\n\n")[0].replace("\n#", "")
    assert re.search(r"This file has not been (run|built)\..* checked with", head)


@pytest.mark.slow
def test_what_the_container_file_copies_makes_a_wheel(tmp_path):
    context, wheels = tmp_path / "build", tmp_path / "wheels"
    context.mkdir()
    build = CONTAINERFILE.split("\nFROM ")[1]
    for sources, _ in copied(build):
        for source in sources:
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
                shutil.copytree(ROOT / source, context / source, ignore=ignored)
            else:
                shutil.copy(ROOT / source, context)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            wheels,
            ".",
        ],
        cwd=context,
        env={**os.environ, "ZOOPT_REQUIRE_NATIVE": "1"},
        check=True,
        capture_output=True,
    )
    [wheel] = wheels.iterdir()
    listed = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", str(wheel)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "zoopt/_native/population.cpython" in listed
    assert "zoopt/distributed/ray/executor.py" in listed
    assert "cluster" not in listed  # files for operators, no modules


# ----------------------------------------------------------------- the programs


def test_what_is_submitted_is_the_job_with_its_settings(monkeypatch):
    pytest.importorskip("ray.job_submission")
    submit = module_of("submit")
    sent = {}

    class Client:
        def __init__(self, address):
            sent["address"] = address

        def submit_job(self, **given):
            sent.update(given)
            return "job_1"

        async def tail_job_logs(self, job):
            yield f"{job}: done\n"

        def get_job_info(self, job):
            return Info

    class Info:
        status = submit.JobStatus.SUCCEEDED
        message = None

    monkeypatch.setattr(submit, "JobSubmissionClient", Client)
    line = ["submit.py", "/data/a b.db", "--wheel", "zoopt.whl", "--budget", "7"]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit) as ended:
        submit.main()
    assert not ended.value.code
    assert sent["address"] == "http://127.0.0.1:8265"
    assert sent["runtime_env"] == {"working_dir": str(FOLDER), "py_modules": ["zoopt.whl"]}
    program, file, *settings = shlex.split(sent["entrypoint"])
    assert program == "python"
    assert (FOLDER / file).exists()
    args = module_of("job").arguments(settings)
    assert (args.checkpoint, args.budget) == ("/data/a b.db", 7)

    Info.status = submit.JobStatus.FAILED
    with pytest.raises(SystemExit) as ended:
        submit.main()
    assert ended.value.code


@pytest.mark.slow  # the fast tier kills the driver of islands
@pytest.mark.ray
def test_the_job_that_was_killed_goes_on(local_ray, tmp_path):
    import ray

    path = tmp_path / "digits.db"
    address = ray.get_runtime_context().gcs_address
    line = [sys.executable, str(FOLDER / "job.py"), str(path), "--budget", "6", "--workers", "1"]
    settings = {"env": {**os.environ, "RAY_ADDRESS": address}, "text": True}

    job = subprocess.Popen(line, stdout=subprocess.DEVNULL, **settings)
    end = time.monotonic() + 100
    try:
        while not path.exists() or len(zoopt.load_history(path)) < 2:
            assert job.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        job.send_signal(signal.SIGKILL)
    finally:
        job.kill()
        job.wait()
    before = zoopt.load_history(path)
    assert len(before) < 6

    done = subprocess.run(line, capture_output=True, timeout=100, **settings)
    assert done.returncode == 0, done.stderr
    assert "nfev: 6" in done.stdout
    after = zoopt.load_history(path)
    assert len(after) == 6
    assert [trial.value for trial in after.trials[: len(before)]] == [
        trial.value for trial in before.trials
    ]
