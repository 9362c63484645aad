"""A .proto file, compiled while the load test starts."""

import asyncio
import re
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from tensorfleet.shared.errors import InvalidInput

COMPILE_SECONDS = 60.0
_IMPORT = re.compile(r'^\s*import\s+(?:public\s+|weak\s+)?"([^"]+)"\s*;', re.MULTILINE)


async def compiled_files(proto_file: Path) -> Sequence[FileDescriptorProto]:
    """The file and all that it imports.

    Imports are looked for below the file's folder or, where they are not all there, below the
    nearest folder above it that has them all.

    Raises:
        InvalidInput: It cannot be read or compiled; the message has the compiler's.
    """
    try:
        text = await asyncio.to_thread(proto_file.read_text)
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInput(f"grpc_proto {proto_file} cannot be read: {exc}.") from exc
    well_known = Path(str(files("grpc_tools"))) / "_proto"
    path = proto_file.resolve()
    root = _import_root(path, _IMPORT.findall(text), well_known)
    with TemporaryDirectory(prefix="tensorfleet-proto-") as folder:
        output = Path(folder) / "descriptors"
        # A process of its own: the compiler writes its errors past Python's, and never unloads.
        compiler = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"--proto_path={root}",
            f"--proto_path={well_known}",
            f"--descriptor_set_out={output}",
            "--include_imports",
            str(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(COMPILE_SECONDS):
                _, errors = await compiler.communicate()
        finally:
            if compiler.returncode is None:
                compiler.kill()
                await compiler.wait()
        if compiler.returncode != 0:
            told = errors.decode(errors="replace").strip()
            raise InvalidInput(f"grpc_proto {proto_file} cannot be compiled: {told}")
        return list(FileDescriptorSet.FromString(output.read_bytes()).file)


def _import_root(path: Path, imports: Sequence[str], well_known: Path) -> Path:
    own = [name for name in imports if not (well_known / name).exists()]
    for folder in path.parents:
        if all((folder / name).is_file() for name in own):
            return folder
    return path.parent
