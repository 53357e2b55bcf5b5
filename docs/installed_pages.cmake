# Makes the pages whose links lead to files that are installed elsewhere, or not at all: what is
# linked in the source alone is text where it is installed. tests/packaging/check_documents.py
# follows every link of what is installed.
#
# While the build is configured, and again when a page has changed: installing writes nothing here.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_CURRENT_SOURCE_DIR}/protocol.md)

file(READ "${CMAKE_SOURCE_DIR}/README.md" text)
string(REGEX REPLACE "\\[([^]]*)\\]\\(([a-z]+/README\\.md|LICENSE|CONTRIBUTING\\.md)\\)" "\\1" text
  "${text}")
file(CONFIGURE OUTPUT installed/README.md CONTENT "${text}" @ONLY)

file(READ "${CMAKE_CURRENT_SOURCE_DIR}/protocol.md" text)
string(REPLACE "](../service/" "](../../../varlink/" text "${text}")
file(CONFIGURE OUTPUT installed/protocol.md CONTENT "${text}" @ONLY)
