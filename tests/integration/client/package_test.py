"""Install the client into a temporary prefix, build an example outside the tree with pkg-config and with find_package, run both.

    package_test.py BUILD_DIR EXAMPLES_DIR CC CXX CMAKE [STRATOD]

With a STRATOD the programs run against it and their output is compared; without, they must report an unreachable broker.
It also compiles the public header as C++17 and checks the soname and that only public symbols are exported.

SPDX-License-Identifier: MIT
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HEADER_IN_CXX = """
#include <stratoswarm.h>
#include <schemas/gpu.h>
int main() {
    strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    strato_writer payload = {};
    strato_envelope_out envelope = {};
    strato_client *client = nullptr;
    options.endpoint = "not an endpoint";
    strato_envelope_encode(&envelope, &payload);
    strato_writer_fini(&payload);
    return strato_client_open(&options, &client) == STRATO_OK;
}
"""

PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(outside C)
find_package(Stratoswarm 0.1 REQUIRED)
add_executable(outside {source})
target_link_libraries(outside PRIVATE Stratoswarm::stratoswarm)
"""


def run(*command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode != 0:
        sys.exit("failed: %s\n%s" % (" ".join(map(str, command)), result.stdout))
    return result.stdout


def check_program(program, source, libdir, stratod):
    environment = dict(os.environ, LD_LIBRARY_PATH=str(libdir))
    if stratod:
        with_broker = pathlib.Path(__file__).parents[2] / "lib" / "with_broker.py"
        run(sys.executable, with_broker, stratod, "--expect", source.parent / "expected.txt", "--", program, env=environment)
        return
    result = subprocess.run([program, "not an endpoint"], stderr=subprocess.PIPE, text=True, env=environment)
    if result.returncode != 1 or "not an endpoint" not in result.stderr:
        sys.exit("%s said %d: %s" % (program, result.returncode, result.stderr))


def check_quickstart(scratch, cc, flags, libdir, stratod):
    """The README's program runs as it is written, but for the endpoint that a test cannot know beforehand."""
    readme = pathlib.Path(__file__).parents[3] / "bindings" / "c" / "README.md"
    program = re.search(r"```c\n(.*?)```", readme.read_text(), re.S).group(1)
    endpoint = 'if (argc > 1) options.endpoint = argv[1];'
    program = program.replace("int main(void)", "int main(int argc, char **argv)")
    program = program.replace("    if (strato_client_open", "    " + endpoint + "\n    if (strato_client_open", 1)
    (scratch / "hello.c").write_text(program)
    run(cc, "-std=c11", "-Wall", "-Wextra", "-Werror", scratch / "hello.c", *flags, "-o", scratch / "hello")
    if stratod:
        (scratch / "expected.txt").write_text("got a hello.world\n")
        check_program(scratch / "hello", scratch / "hello.c", libdir, stratod)


def check_symbols(library):
    symbols = re.findall(r" [A-Z] (\S+)", run("nm", "-D", "--defined-only", library))
    foreign = [name for name in symbols if not re.match(r"strato_[^_]", name) and not name.startswith("STRATOSWARM_")]
    if foreign or len(symbols) < 50:
        sys.exit("exported: %d symbols, not ours: %s" % (len(symbols), foreign[:10]))
    if "libstratoswarm.so.0]" not in run("readelf", "-d", library):
        sys.exit("the soname is not libstratoswarm.so.0")


def main():
    build_dir, examples, cc, cxx, cmake = sys.argv[1:6]
    stratod = sys.argv[6] if len(sys.argv) > 6 else None
    source = pathlib.Path(examples) / "channel_bytes" / "channel_bytes.c"
    with tempfile.TemporaryDirectory(prefix="strato-package-") as name:
        scratch = pathlib.Path(name)
        prefix = scratch / "prefix"
        run(cmake, "--install", build_dir, "--component", "client", "--prefix", prefix)
        pc = next(prefix.rglob("stratoswarm.pc"))
        libdir = pc.parent.parent
        environment = dict(os.environ, PKG_CONFIG_PATH=str(pc.parent))
        flags = run("pkg-config", "--cflags", "--libs", "stratoswarm", env=environment).split()
        check_symbols(libdir / "libstratoswarm.so")

        run(cc, "-std=c11", "-Wall", "-Wextra", "-Werror", source, *flags, "-o", scratch / "by_pkg_config")
        check_program(scratch / "by_pkg_config", source, libdir, stratod)

        (scratch / "CMakeLists.txt").write_text(PROJECT.format(source=source))
        run(cmake, "-S", scratch, "-B", scratch / "build", "-DCMAKE_PREFIX_PATH=%s" % prefix, "-DCMAKE_C_COMPILER=%s" % cc)
        run(cmake, "--build", scratch / "build")
        check_program(scratch / "build" / "outside", source, libdir, stratod)

        check_quickstart(scratch, cc, flags, libdir, stratod)

        (scratch / "header.cc").write_text(HEADER_IN_CXX)
        run(cxx, "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", scratch / "header.cc", *flags, "-o", scratch / "header")
        run(scratch / "header", env=dict(os.environ, LD_LIBRARY_PATH=str(libdir)))


if __name__ == "__main__":
    main()
