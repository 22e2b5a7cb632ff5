# SPDX-License-Identifier: Apache-2.0
"""Programs for ordinary users, whom a clone in a closed home keeps out."""
import atexit
import os
import shutil
import stat
import tempfile


def reachable(path):
    """That program, or a copy of it and of the libexec beside it where users cannot come."""
    above = os.path.dirname(os.path.abspath(path))
    while os.stat(above).st_mode & stat.S_IXOTH:
        if above == '/':
            return path
        above = os.path.dirname(above)
    folder = tempfile.mkdtemp(prefix='kist-test-program-', dir=os.environ.get('TMPDIR'))
    atexit.register(shutil.rmtree, folder)
    os.chmod(folder, 0o755)
    libexec = os.path.dirname(path) + '/libexec'
    if os.path.isdir(libexec):
        os.mkdir(folder + '/libexec')
        for entry in os.scandir(libexec):
            if entry.is_file():
                shutil.copy2(entry.path, folder + '/libexec')
    return shutil.copy2(path, folder)
