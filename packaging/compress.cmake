# CPack runs this on the staged packages: manual pages and changelogs are compressed as Debian's
# policy has it, always to the same bytes (-n). `cmake --install` leaves them as they are.
file(GLOB files
  ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/man/*/*
  ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/doc/*/changelog
  ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/doc/*/changelog.Debian)
execute_process(COMMAND gzip -9n ${files} COMMAND_ERROR_IS_FATAL ANY)
