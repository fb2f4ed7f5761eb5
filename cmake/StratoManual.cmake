# strato_manual(PROGRAM SECTION [VERB...]): man pages, completions and settings reference, from the program's own option table.
#
# Built with the program and installed beside it; nobody writes them by hand (core/option.h). A VERB of several words has
# dashes between them and gets a page of its own: channel-ls is strato-channel-ls.1.
function(strato_manual program section)
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/manual)
  set(page ${dir}/${program}.${section})
  set(outputs ${page} ${dir}/${program}.md ${dir}/${program}.bash ${dir}/_${program} ${dir}/${program}.fish)
  add_custom_command(OUTPUT ${outputs}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${dir}
    COMMAND ${program} --dump-man > ${page}
    COMMAND ${program} --dump-reference > ${dir}/${program}.md
    COMMAND ${program} --dump-completion=bash > ${dir}/${program}.bash
    COMMAND ${program} --dump-completion=zsh > ${dir}/_${program}
    COMMAND ${program} --dump-completion=fish > ${dir}/${program}.fish
    DEPENDS ${program} VERBATIM)
  set(pages ${page})
  foreach(verb IN LISTS ARGN)
    string(REPLACE "-" ";" words ${verb})
    set(verb_page ${dir}/${program}-${verb}.${section})
    add_custom_command(OUTPUT ${verb_page}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${dir}
      COMMAND ${program} ${words} --dump-man > ${verb_page}
      DEPENDS ${program} VERBATIM)
    list(APPEND pages ${verb_page})
  endforeach()
  add_custom_target(${program}_manual ALL DEPENDS ${outputs} ${pages})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  install(FILES ${dir}/${program}.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(FILES ${dir}/${program}.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ${program})
  install(FILES ${dir}/_${program} DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${dir}/${program}.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endfunction()
