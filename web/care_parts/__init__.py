"""What a composed page about a care situation shows of each subject: plain words and numbers, ready to show.

One module for each subject. `home(session, situation, now)` is for the mantelzorger, `desk(session, situation, now)`
for the desk; None where there is nothing to show. The macro `part(situation, view)` of templates/care/parts/<name>.html
or templates/desk/parts/care_<name>.html draws it.
"""
