"""What has become of names that the journal told, looked up once."""
import errno
import os


def look_up(source, names):
    """([(name, lstat)], [name]): what is there, and what is gone.

    A name below what is no directory any more is in neither: what stands above it was told as well,
    and whoever copies that has replaced the directory, with all that it held."""
    there, gone = [], []
    for name in names:
        try:
            there.append((name, os.lstat(os.path.join(source, name))))
        except OSError as error:
            if error.errno == errno.ENOENT:
                gone.append(name)
            elif error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
    return there, gone
