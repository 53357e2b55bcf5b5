# Makes the pages whose links lead to files that are installed elsewhere, or not at all: what is
# linked in the source alone is text where it is installed. tests/packaging/check_documents.py
# follows every link of what is installed.
#
# CJ_SOURCE_DIR: the source; CJ_PAGES_DIR: where the pages go.

# A page that is there already is left alone: somebody may be installing it at this moment.
function(cj_write_page name text)
  set(before "")
  if(EXISTS "${CJ_PAGES_DIR}/${name}")
    file(READ "${CJ_PAGES_DIR}/${name}" before)
  endif()
  if(NOT before STREQUAL text)
    file(WRITE "${CJ_PAGES_DIR}/${name}" "${text}")
  endif()
endfunction()

file(READ "${CJ_SOURCE_DIR}/README.md" text)
string(REGEX REPLACE "\\[([^]]*)\\]\\(([a-z]+/README\\.md|LICENSE|CONTRIBUTING\\.md)\\)" "\\1" text
  "${text}")
cj_write_page(README.md "${text}")

file(READ "${CJ_SOURCE_DIR}/docs/protocol.md" text)
string(REPLACE "](../service/" "](../../../varlink/" text "${text}")
cj_write_page(protocol.md "${text}")
