// What scrolls sideways can be reached and scrolled by keyboard, and says what it is.
const mark = () => {
  for (const box of document.querySelectorAll("div.highlight pre, div.table-wrapper")) {
    if (box.scrollWidth <= box.clientWidth) continue;
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", box.matches("pre") ? "Code or output, scrolls sideways" : "Table, scrolls sideways");
  }
};
// The theme has two side columns: each says which it is.
const name = (column, label) => document.querySelector(column)?.setAttribute("aria-label", label);
document.addEventListener("DOMContentLoaded", () => {
  mark();
  name(".sidebar-drawer", "All pages");
  name(".toc-drawer", "On this page");
});
window.addEventListener("resize", mark);
