"""The course as a folder of static pages, to read, search and print without a server and without a network.

`build_site` writes the pages of a course with Sphinx (requirements-web.txt), reads them again, and puts them in place only when they
are without fault. `site_faults` is that reading, for any folder of HTML pages.
"""

from helpers.site.builder import SiteFailed, build_site
from helpers.site.checks import Contents, contents, site_faults
from helpers.site.pages import write_source

__all__ = ["Contents", "SiteFailed", "build_site", "contents", "site_faults", "write_source"]
