# find_package(changejournal): the target changejournal::changejournal.
include(${CMAKE_CURRENT_LIST_DIR}/changejournal-targets.cmake)
